// Resident memory of an idle worker, against that of an empty Node process in the same run. Aim: below 90 MB.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { startPlatform } from "../tests/support/platform.ts";

const AIM_MB = 90;
const SAMPLES = 10;
const SAMPLE_EVERY_MS = 1_000;

/** Resident pages of a process in MB, and the private ones among them (VmRSS and Pss_Anon of proc(5)). */
function memory(pid: number): { residentMb: number; anonymousMb: number } {
  const read = (file: string, field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1]) / 1_024;
  return { residentMb: read("status", "VmRSS"), anonymousMb: read("status", "RssAnon") };
}

const platform = await startPlatform();
const empty = spawn(process.execPath, ["-e", "console.log('up'); setInterval(() => {}, 1000)"], {
  stdio: ["ignore", "pipe", "ignore"],
});
try {
  await once(empty.stdout, "data");
  const [worker] = platform.workers;
  if (worker === undefined || empty.pid === undefined) throw new Error("a process did not start");
  // Started once before, as usual: the first start of new code also holds the compiler that strips its types.
  await worker.terminate();
  await worker.start();
  let peak = { residentMb: 0, anonymousMb: 0 };
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    const now = memory(worker.pid);
    if (now.residentMb > peak.residentMb) peak = now;
  }
  const bare = memory(empty.pid);
  console.log(
    `empty Node process   ${bare.residentMb.toFixed(1)} MB resident, ${bare.anonymousMb.toFixed(1)} MB of it its own`,
  );
  console.log(
    `idle worker (peak)   ${peak.residentMb.toFixed(1)} MB resident, ${peak.anonymousMb.toFixed(1)} MB of it its own`,
  );
  console.log(`ratio                ${(peak.residentMb / bare.residentMb).toFixed(2)}`);
  console.log(`aim                  below ${AIM_MB} MB: ${peak.residentMb < AIM_MB ? "met" : "not met"}`);
} finally {
  empty.kill();
  await platform.stop();
}
