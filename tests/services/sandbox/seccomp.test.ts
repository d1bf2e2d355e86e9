import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DENIED_SYSCALLS, FILTERED_SYSCALLS, type SeccompArch } from "../../../services/sandbox/seccomp-table.ts";
import { seccompProgram } from "../../../services/sandbox/seccomp.ts";

const ALLOW = "allow";
const KILL = "kill";
const EPERM = "errno 1";
const ENOSYS = "errno 38";
const EAFNOSUPPORT = "errno 97";
const ARCH: Readonly<Record<SeccompArch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** Runs the filter as the kernel does, on one call. */
function judge(program: Buffer, arch: number, number: number, args: readonly number[] = []): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    assert.ok(at * 8 < program.length, "the program ran off its end");
    const code = program.readUInt16LE(at * 8);
    const k = program.readUInt32LE(at * 8 + 4);
    const jump = (condition: boolean) => (at += program.readUInt8(at * 8 + (condition ? 2 : 3)));
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x15) jump(accumulator === k);
    else if (code === 0x45) jump((accumulator & k) !== 0);
    else if (code === 0x06) {
      if (k === 0x7fff0000) return ALLOW;
      return k === 0x80000000 ? KILL : `errno ${k & 0xffff}`;
    } else assert.fail(`instruction ${code} is not known`);
  }
}

for (const arch of ["x64", "arm64"] as const) {
  describe(`the system call filter of ${arch}`, () => {
    const program = seccompProgram(arch);
    const number = (name: keyof typeof FILTERED_SYSCALLS) => FILTERED_SYSCALLS[name][arch];
    const call = (name: keyof typeof FILTERED_SYSCALLS, ...args: number[]) =>
      judge(program, ARCH[arch], number(name), args);

    it("is a program that the kernel takes", () => {
      assert.equal(program.length % 8, 0);
      assert.ok(program.length / 8 <= 4_096);
    });

    it("refuses each call of the list", () => {
      for (const [name, numbers] of Object.entries(DENIED_SYSCALLS)) {
        const denied = numbers[arch];
        if (denied !== undefined) assert.equal(judge(program, ARCH[arch], denied), EPERM, name);
      }
    });

    it("allows every other call", () => {
      const named = [...Object.values(DENIED_SYSCALLS), ...Object.values(FILTERED_SYSCALLS)].map((of) => of[arch]);
      for (let other = 0; other < 470; other++) {
        if (!named.includes(other)) assert.equal(judge(program, ARCH[arch], other), ALLOW, String(other));
      }
    });

    it("kills calls of other architectures", () => {
      for (const other of [0x40000003, 0xc000003e, 0xc00000b7, 0x40000028].filter((value) => value !== ARCH[arch])) {
        assert.equal(judge(program, other, 0), KILL);
      }
      if (arch === "x64") assert.equal(judge(program, ARCH.x64, 0x40000000 | 39), KILL);
    });

    it("lets processes and threads start, but no namespaces", () => {
      assert.equal(call("clone3"), ENOSYS);
      assert.equal(call("clone", 0x01200011), ALLOW); // fork
      assert.equal(call("clone", 0x003d0f00), ALLOW); // pthread_create
      assert.equal(call("unshare", 0x400), ALLOW); // CLONE_FILES
      for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
        assert.equal(call("clone", flag | 17), EPERM);
        assert.equal(call("unshare", flag), EPERM);
      }
      assert.equal(call("unshare", 0x80), EPERM); // CLONE_NEWTIME
    });

    it("refuses to type into terminals, whatever the upper half of the request is", () => {
      assert.equal(call("ioctl", 0, 0x5401), ALLOW); // TCGETS
      assert.equal(call("ioctl", 0, 0x5412), EPERM);
      assert.equal(call("ioctl", 0, 0x1_0000_5412), EPERM);
      assert.equal(call("ioctl", 0, 0x541c), EPERM);
    });

    it("refuses what takes files out of a storage limit, and still shares blocks between files", () => {
      for (const request of [0x40086602, 0x40046602, 0x401c5820, 0x50009401, 0x5000940e, 0x50009417, 0x50009418]) {
        assert.equal(call("ioctl", 3, request), EPERM, request.toString(16));
      }
      for (const request of [0x80086601, 0x801c581f, 0x40049409, 0x4020940d, 0xc0189436]) {
        assert.equal(call("ioctl", 3, request), ALLOW, request.toString(16)); // reading them, FICLONE and its like
      }
    });

    it("allows the sockets of the internet and of this machine alone", () => {
      for (const family of [1, 2, 10]) assert.equal(call("socket", family, 1, 0), ALLOW);
      assert.equal(call("socket", 16, 3, 0), ALLOW); // NETLINK_ROUTE
      for (const protocol of [1, 4, 6, 9, 12, 15, 16]) assert.equal(call("socket", 16, 3, protocol), EAFNOSUPPORT);
      for (const family of [0, 3, 4, 15, 17, 21, 29, 31, 38, 40, 44]) {
        assert.equal(call("socket", family, 3, 0), EAFNOSUPPORT, `family ${family}`);
      }
      assert.equal(call("socketpair", 1, 1, 0), ALLOW);
      assert.equal(call("socketpair", 30, 1, 0), EAFNOSUPPORT);
    });

    it("allows the personalities that programs ask for", () => {
      for (const value of [0, 8, 0x20000, 0x20008, 0xffffffff]) assert.equal(call("personality", value), ALLOW);
      for (const value of [0x40000, 0x400000, 4, 0x100000]) assert.equal(call("personality", value), EPERM);
    });
  });
}
