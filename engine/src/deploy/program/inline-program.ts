/**
 * A program that runs in somebody else's process, as the Automation API's inline programs do: the engine asks the
 * language runtime that is served there, as Pulumi's engine asks a language host.
 */
import * as grpc from "@grpc/grpc-js";
import languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import languagePb from "@pulumi/pulumi/proto/language_pb.js";
import type { RunResponse } from "@pulumi/pulumi/proto/language_pb.js";
import type { OperationRequest } from "../../model.ts";
import { DeploymentError, ReportedError } from "../errors.ts";
import { CHANNEL_OPTIONS, isServiceError } from "../protocol/grpc.ts";
import { programEntry } from "./language-host.ts";
import type { Program, ProgramAddresses } from "./program.ts";

class LanguageRuntimeGoneError extends DeploymentError {
  constructor(address: string, reason: string) {
    super(
      "LANGUAGE_RUNTIME_GONE",
      `the language runtime at ${address} (--client) does not answer: ${reason}`,
      "The process that serves the program must live as long as the operation runs.",
    );
  }
}

export class InlineProgram implements Program {
  readonly #address: string;
  readonly #client: languageGrpc.LanguageRuntimeClient;
  readonly #ended: Promise<void>;
  #call: grpc.ClientUnaryCall | undefined;
  #isStopping = false;

  constructor(request: OperationRequest, address: string, addresses: ProgramAddresses) {
    this.#address = address;
    this.#client = new languageGrpc.LanguageRuntimeClient(address, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
    this.#ended = this.#run(runRequest(request, addresses));
    this.#ended.catch(() => undefined);
  }

  async finished(): Promise<void> {
    try {
      await this.#ended;
    } catch (error) {
      if (!this.#isStopping) throw error;
    }
  }

  /** The process is not the engine's to end: it is no longer waited for. */
  async stop(graceMs: number): Promise<void> {
    const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
    const ended = this.#ended.then(
      () => true,
      () => true,
    );
    this.#isStopping = (await Promise.race([ended, grace])) !== true;
    this.#call?.cancel();
    this.#client.close();
  }

  /** @throws ReportedError, LanguageRuntimeGoneError, Error with what the program threw. */
  async #run(request: languagePb.RunRequest): Promise<void> {
    const response = await new Promise<RunResponse>((resolve, reject) => {
      this.#call = this.#client.run(request, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(this.#failure(error));
      });
    });
    if (response.getBail()) throw new ReportedError("the program failed");
    const problem = response.getError();
    if (problem !== "") throw new Error(`an unhandled error occurred: ${problem}`);
  }

  #failure(error: Error): Error {
    if (!isServiceError(error)) return error;
    if (error.code === grpc.status.UNAVAILABLE) return new LanguageRuntimeGoneError(this.#address, error.details);
    return new Error(error.details, { cause: error });
  }
}

function runRequest(request: OperationRequest, addresses: ProgramAddresses): languagePb.RunRequest {
  const { folder, entry } = programEntry(request);
  const info = new languagePb.ProgramInfo();
  info.setRootDirectory(request.projectDir);
  info.setProgramDirectory(folder);
  info.setEntryPoint(entry);
  const run = new languagePb.RunRequest();
  run.setInfo(info);
  run.setProgram(entry);
  run.setPwd(folder);
  // by Pulumi's convention: where an inline program finds the engine
  run.setArgsList([addresses.engine]);
  run.setMonitorAddress(addresses.monitor);
  run.setOrganization(request.organization);
  run.setProject(request.project);
  run.setStack(request.stack);
  run.setDryrun(request.dryRun);
  run.setParallel(request.parallel);
  for (const [key, { value, secret }] of request.config) {
    run.getConfigMap().set(key, value);
    if (secret) run.addConfigsecretkeys(key);
  }
  return run;
}
