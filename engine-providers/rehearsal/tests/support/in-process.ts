/** A rehearsed provider in the test's own process: what the engine would ask of it, in one line each. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diff, PropertyMap, Read } from "@automatos/provider-plugin";
import { openRehearsal } from "../../src/index.ts";
import type {
  CloudDefinition,
  LedgerEntry,
  Rehearsal,
  RehearsalSettingsInput,
  RehearsedProvider,
} from "../../src/index.ts";
import { about, configured } from "./model-rules.ts";

export interface MadeResource {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

export class InProcess {
  readonly folder: string;
  readonly provider: RehearsedProvider;
  readonly cloud: Rehearsal;

  private constructor(folder: string, provider: RehearsedProvider, cloud: Rehearsal) {
    this.folder = folder;
    this.provider = provider;
    this.cloud = cloud;
  }

  static async start(
    definition: CloudDefinition,
    config: PropertyMap,
    settings: RehearsalSettingsInput = {},
  ): Promise<InProcess> {
    const folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
    await writeFile(join(folder, "rehearsal.json"), JSON.stringify(settings));
    const provider = await configured(definition, folder, config).catch(async (error: unknown) => {
      await rm(folder, { recursive: true });
      throw error;
    });
    return new InProcess(folder, provider, openRehearsal(folder, definition.name));
  }

  async check(type: string, name: string, inputs: PropertyMap, oldInputs?: PropertyMap) {
    return this.provider.check({ ...about(type, name), inputs, oldInputs });
  }

  /** Fails with all check failures together. */
  async create(type: string, name: string, given: PropertyMap = {}): Promise<MadeResource> {
    const { inputs, failures = [] } = await this.check(type, name, given);
    assert.deepEqual(failures, []);
    const request = { ...about(type, name), inputs, preview: false, timeoutSeconds: 0 };
    const { id, outputs } = await this.provider.create(request);
    return { type, name, id, inputs, outputs };
  }

  async diff(made: MadeResource, given: PropertyMap): Promise<Diff> {
    const { inputs } = await this.check(made.type, made.name, given, made.inputs);
    return this.provider.diff({
      ...about(made.type, made.name),
      id: made.id,
      oldInputs: made.inputs,
      oldOutputs: made.outputs,
      inputs,
      ignoreChanges: [],
    });
  }

  async update(made: MadeResource, given: PropertyMap): Promise<MadeResource> {
    const { inputs } = await this.check(made.type, made.name, given, made.inputs);
    const outputs = await this.provider.update({
      ...about(made.type, made.name),
      id: made.id,
      oldInputs: made.inputs,
      oldOutputs: made.outputs,
      inputs,
      ignoreChanges: [],
      preview: false,
      timeoutSeconds: 0,
    });
    return { ...made, inputs, outputs };
  }

  read({ type, name, id, inputs, outputs }: MadeResource): Promise<Read | undefined> {
    return this.provider.read({ ...about(type, name), id, inputs, outputs });
  }

  delete({ type, name, id, inputs, outputs }: MadeResource): Promise<void> {
    return this.provider.delete({ ...about(type, name), id, inputs, outputs, timeoutSeconds: 0 });
  }

  async invoke(token: string, args: PropertyMap = {}): Promise<PropertyMap> {
    const { signal } = about("", "");
    return (await this.provider.invoke({ token, args, preview: false, signal })).result;
  }

  /** Outcome and fault of each action on this resource, oldest first. */
  story(name: string): string[] {
    const entries: LedgerEntry[] = this.cloud.ledger().filter((entry) => entry.name === name);
    return entries.map(
      ({ action, outcome, fault }) => `${action} ${outcome}${fault === undefined ? "" : ` (${fault})`}`,
    );
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
