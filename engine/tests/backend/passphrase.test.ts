import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PassphraseMissingError, WrongPassphraseError } from "../../src/backend/passphrase-errors.ts";
import { Crypter, readPassphrase } from "../../src/backend/passphrase.ts";

/** Made by Pulumi's own engine with the passphrase "password". */
const pulumiSalt = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==";

describe("passphrase secrets", () => {
  it("opens a salt that Pulumi made", async () => {
    const crypter = await Crypter.open("password", pulumiSalt, "the test");
    assert.equal(crypter.decrypt(crypter.encrypt("value")), "value");
    assert.equal(crypter.decrypt(pulumiSalt.split(":").slice(2).join(":")), "pulumi");
  });

  it("decrypts a value that Pulumi encrypted", async () => {
    const salt = "v1:ThS5UPxP9qc=:v1:UZYAXF+ylaJ0rGhv:9OTvBnOEDFgxs7btjzSu+LZ470vLpg==";
    const crypter = await Crypter.open("TestConfigRoundtripComments", salt, "the test");
    assert.equal(crypter.decrypt("v1:T1ftqhY0hqr+EJK6:+jvd5PMecFx80tcavzuZY4tLatgIfoe/xR72GA=="), "secret-value");
  });

  it("refuses another passphrase, and names what it was for", async () => {
    await assert.rejects(Crypter.open("password123", pulumiSalt, "Pulumi.dev.yaml"), (error) => {
      assert.ok(error instanceof WrongPassphraseError);
      assert.equal(error.message, "incorrect passphrase for Pulumi.dev.yaml");
      return true;
    });
  });

  it("tells a damaged salt from a wrong passphrase", async () => {
    const damaged = [
      "",
      pulumiSalt.slice(3),
      pulumiSalt.slice(0, -1),
      pulumiSalt.slice(0, -4),
      `${pulumiSalt}:x`,
      pulumiSalt.replace("fozI5u6B030=", "fozI5u6B03 ="),
      pulumiSalt.replace("F+6ZduKKd8G0/V7L", "F+6ZduKKd8G0"),
    ];
    for (const salt of damaged)
      await assert.rejects(Crypter.open("password", salt, "Pulumi.dev.yaml"), {
        code: "SALT_INVALID",
        message: /the encryption salt of Pulumi\.dev\.yaml is damaged/,
      });
  });

  it("gives back any text that it encrypted, to whoever has passphrase and salt", async () => {
    const crypter = await Crypter.create("correct horse");
    const again = await Crypter.open("correct horse", crypter.salt, "x");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const sealed = crypter.encrypt(text);
        assert.match(sealed, /^v1:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/]+=*$/);
        assert.equal(again.decrypt(sealed), text);
        assert.notEqual(crypter.encrypt(text), sealed, "a nonce is used once");
      }),
    );
  });

  it("notices a value that was changed", async () => {
    const crypter = await Crypter.create("p");
    const [version, nonce, body = ""] = crypter.encrypt("value").split(":");
    const changed = Buffer.from(body, "base64");
    changed.writeUInt8(changed.readUInt8(0) ^ 1, 0);
    assert.throws(() => crypter.decrypt([version, nonce, changed.toString("base64")].join(":")), {
      code: "SECRET_INVALID",
    });
    assert.throws(() => crypter.decrypt("v2:a:b"), { code: "SECRET_INVALID" });
  });

  it("reads the passphrase from the environment, then from a file, then asks", async () => {
    const folder = await mkdtemp(join(tmpdir(), "passphrase-"));
    const file = join(folder, "passphrase");
    await writeFile(file, "from the file\n");
    try {
      const both = { PULUMI_CONFIG_PASSPHRASE: "", PULUMI_CONFIG_PASSPHRASE_FILE: file };
      assert.equal(await readPassphrase(both, undefined), "");
      assert.equal(await readPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: file }, undefined), "from the file");
      assert.equal(await readPassphrase({}, async () => "typed"), "typed");
      await assert.rejects(readPassphrase({}, undefined), PassphraseMissingError);
      await assert.rejects(readPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: `${file}x` }, undefined), {
        code: "PASSPHRASE_FILE",
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
