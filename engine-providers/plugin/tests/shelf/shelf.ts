/** A provider of `shelf:index:Box`es: files in the folder that its configuration names. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  InitializationFailedError,
  isMap,
  Secret,
  serveProvider,
  Unknown,
  UnknownTokenError,
} from "@automatos/provider-plugin";
import type { Provider } from "@automatos/provider-plugin";

let folder = "";
const shelf: Provider = {
  version: "1.2.3",
  async configure({ config, engine }) {
    if (typeof config["folder"] !== "string") throw new Error("shelf:folder is not set: name the folder of the boxes");
    folder = config["folder"];
    await engine.log("warning", `boxes are files below ${folder}`);
  },
  async check({ inputs }) {
    const { label } = inputs;
    if (label instanceof Unknown || typeof label === "string") return { inputs: { colour: "brown", ...inputs } };
    return { inputs, failures: [{ property: "label", reason: "a box has a label that is a string" }] };
  },
  async diff({ oldInputs, inputs }) {
    const changed = Object.keys({ ...oldInputs, ...inputs }).filter(
      (key) => JSON.stringify(oldInputs[key]) !== JSON.stringify(inputs[key]),
    );
    return {
      changes: changed.length > 0,
      diffs: changed,
      replaces: changed.filter((key) => key === "colour"),
      detailedDiff: Object.fromEntries(
        changed.map((key) => [key, { kind: key === "colour" ? "update-replace" : "update", inputDiff: true } as const]),
      ),
    };
  },
  async create({ inputs, preview }) {
    if (preview) return { id: "", outputs: { ...inputs, serial: Unknown.instance } };
    const id = randomUUID();
    const outputs = { ...inputs, serial: new Secret(`no. ${id}`) };
    writeFileSync(join(folder, id), JSON.stringify(inputs));
    if (inputs["label"] === "leaky")
      throw new InitializationFailedError({ id, outputs, inputs, reasons: ["it leaks", "it smells"] });
    return { id, outputs };
  },
  async update({ id, inputs, oldOutputs, preview }) {
    if (!preview) writeFileSync(join(folder, id), JSON.stringify(inputs));
    return { ...inputs, serial: oldOutputs["serial"] ?? null };
  },
  async read({ id, inputs, outputs }) {
    if (!existsSync(join(folder, id))) return undefined;
    const found: unknown = JSON.parse(readFileSync(join(folder, id), "utf8"));
    const label = (found as { label: string }).label;
    return { id, inputs: { ...inputs, label }, outputs: { ...outputs, label } };
  },
  async delete({ id }) {
    rmSync(join(folder, id), { force: true });
  },
  async invoke({ token, args }) {
    if (token !== "shelf:index:shout") throw new UnknownTokenError("function", token, "It knows shelf:index:shout.");
    if (!isMap(args) || typeof args["text"] !== "string")
      return { result: {}, failures: [{ property: "text", reason: "is not a string" }] };
    return { result: { text: args["text"].toUpperCase() } };
  },
};
await serveProvider(shelf);
