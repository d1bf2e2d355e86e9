/** A policy pack that runs, spoken to over Pulumi's analyzer protocol. */
import * as grpc from "@grpc/grpc-js";
import analyzerGrpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzerPb from "@pulumi/pulumi/proto/analyzer_pb.js";
import type {
  AnalyzeDiagnostic,
  AnalyzeResponse,
  AnalyzerInfo,
  PolicyNotApplicable,
  RemediateResponse,
} from "@pulumi/pulumi/proto/analyzer_pb.js";
import { ShutdownError } from "../errors.ts";
import { fromWireMap } from "../property/wire.ts";
import { isUnimplemented } from "../provider/answers.ts";
import { call, CHANNEL_OPTIONS } from "../protocol/grpc.ts";
import { emptyPb, structPb } from "../protocol/protobuf.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import { levelOf, levelToWire, packInfo, severityOf } from "./analyzer-info.ts";
import type { PackInfo, PolicySettings } from "./analyzer-info.ts";
import { analyzeRequest, stackResource } from "./analyzed-resource.ts";
import type { AnalyzedResource } from "./analyzed-resource.ts";
import { PolicyRunError } from "./errors.ts";
import type { Analysis, Remediation, Violation } from "./findings.ts";
import { cancelled, startPack } from "./pack-process.ts";
import type { PackHost, PackProcess } from "./pack-process.ts";
import type { PackProject } from "./pack-project.ts";

/** How long after its last call a process may take to be known as dead. */
const LAST_WORDS_MS = 2_000;

export class Analyzer {
  readonly #client: analyzerGrpc.AnalyzerClient;
  readonly #process: PackProcess;
  readonly #project: PackProject;
  readonly #gone: Promise<never>;
  #info: PackInfo | undefined;

  /** @throws PolicyPackStartError, PolicyDependenciesError, PolicyRunError, ShutdownError */
  static async start(project: PackProject, host: PackHost): Promise<Analyzer> {
    const process = await startPack(project, host);
    const analyzer = new Analyzer(project, process, host.request.signal);
    try {
      await analyzer.#introduce(host);
    } catch (error) {
      await analyzer.close();
      throw error;
    }
    return analyzer;
  }

  private constructor(project: PackProject, process: PackProcess, signal: AbortSignal) {
    this.#project = project;
    this.#process = process;
    this.#client = new analyzerGrpc.AnalyzerClient(process.address, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
    const died = process.ended.then((reason) => {
      throw new Error(`its process ended unexpectedly (${reason})`);
    });
    this.#gone = Promise.race([died, cancelled(signal)]);
    this.#gone.catch(() => undefined);
  }

  /** What the pack says of itself, with the levels that it was configured with. */
  get info(): PackInfo {
    if (this.#info === undefined) throw new Error("the policy pack was not asked yet");
    return this.#info;
  }

  async configure(settings: ReadonlyMap<string, PolicySettings>): Promise<void> {
    if (settings.size === 0) return;
    const request = new analyzerPb.ConfigureAnalyzerRequest();
    for (const [name, { enforcementLevel = "advisory", properties = {} }] of settings) {
      const config = new analyzerPb.PolicyConfig();
      config.setEnforcementlevel(levelToWire(enforcementLevel));
      config.setProperties(structPb.Struct.fromJavaScript(properties));
      request.getPolicyconfigMap().set(name, config);
    }
    await this.#ask("configure the policies", (client, done) => client.configure(request, done));
    this.#info = {
      ...this.info,
      policies: this.info.policies.map((policy) => ({
        ...policy,
        enforcementLevel: settings.get(policy.name)?.enforcementLevel ?? policy.enforcementLevel,
      })),
    };
  }

  /** Whether it may change a resource: the others need not be asked. */
  get remediates(): boolean {
    return this.info.policies.some(
      ({ type, enforcementLevel }) => type !== "stack" && enforcementLevel === "remediate",
    );
  }

  async remediate(resource: AnalyzedResource): Promise<Analysis<Remediation>> {
    const request = analyzeRequest(resource, true);
    const response = await this.#askIfAble<RemediateResponse>(
      "run remediation",
      new analyzerPb.RemediateResponse(),
      (client, done) => client.remediate(request, done),
    );
    const findings = response.getRemediationsList().map((remediation) => ({
      policy: remediation.getPolicyname(),
      properties: fromWireMap(remediation.getProperties()?.toJavaScript() ?? {}),
      diagnostic: remediation.getDiagnostic(),
    }));
    return { findings, notApplicable: names(response.getNotApplicableList()) };
  }

  async analyze(resource: AnalyzedResource): Promise<Analysis<Violation>> {
    const request = analyzeRequest(resource, false);
    return this.#analysis(
      await this.#ask<AnalyzeResponse>("run policy", (client, done) => client.analyze(request, done)),
    );
  }

  async analyzeStack(resources: readonly AnalyzedResource[]): Promise<Analysis<Violation>> {
    const request = new analyzerPb.AnalyzeStackRequest();
    request.setResourcesList(resources.map(stackResource));
    return this.#analysis(
      await this.#askIfAble<AnalyzeResponse>("run stack policy", new analyzerPb.AnalyzeResponse(), (client, done) =>
        client.analyzeStack(request, done),
      ),
    );
  }

  /** Tells the pack that nobody waits for its answers any more. */
  async cancel(): Promise<void> {
    const deadline = new Date(Date.now() + 1_000);
    await call((done) => this.#client.cancel(new emptyPb.Empty(), new grpc.Metadata(), { deadline }, done)).catch(
      () => undefined,
    );
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#client.close();
    await this.#process.stop();
  }

  async #introduce({ engineAddress, request }: PackHost): Promise<void> {
    const handshake = new analyzerPb.AnalyzerHandshakeRequest();
    handshake.setEngineAddress(engineAddress);
    handshake.setRootDirectory(this.#project.folder);
    handshake.setProgramDirectory(this.#project.folder);
    await this.#askIfAble("shake hands", new analyzerPb.AnalyzerHandshakeResponse(), (client, done) =>
      client.handshake(handshake, done),
    );
    const stack = new analyzerPb.AnalyzerStackConfigureRequest();
    stack.setStack(request.stack);
    stack.setProject(request.project);
    stack.setOrganization(request.organization);
    stack.setDryRun(request.dryRun);
    for (const [key, { value }] of request.config) stack.getConfigMap().set(key, value);
    stack.setConfigSecretKeysList([...request.config].filter(([, { secret }]) => secret).map(([key]) => key));
    for (const [name, value] of Object.entries(request.stackTags ?? {})) stack.getTagsMap().set(name, value);
    const taken = new analyzerPb.AnalyzerStackConfigureResponse();
    await this.#askIfAble("take the stack's configuration", taken, (client, done) =>
      client.configureStack(stack, done),
    );
    const info = await this.#ask<AnalyzerInfo>("tell its policies", (client, done) =>
      client.getAnalyzerInfo(new emptyPb.Empty(), done),
    );
    this.#info = packInfo(info, this.#project.version);
  }

  #analysis(response: AnalyzeResponse): Analysis<Violation> {
    return {
      findings: response.getDiagnosticsList().map((diagnostic) => this.#violation(diagnostic)),
      notApplicable: names(response.getNotApplicableList()),
    };
  }

  #violation(diagnostic: AnalyzeDiagnostic): Violation {
    const policy = this.info.policies.find(({ name }) => name === diagnostic.getPolicyname());
    const level = levelOf(diagnostic.getEnforcementlevel());
    const severity = severityOf(diagnostic.getSeverity());
    return {
      policy: diagnostic.getPolicyname(),
      packName: diagnostic.getPolicypackname(),
      packVersion: this.#project.version === "" ? diagnostic.getPolicypackversion() : this.#project.version,
      message: diagnostic.getMessage(),
      enforcementLevel: level === "remediate" ? "mandatory" : level,
      severity: severity === "" ? (policy?.severity ?? "") : severity,
      remediationSteps: policy?.remediationSteps ?? "",
      urn: diagnostic.getUrn(),
    };
  }

  /** @throws PolicyRunError, ShutdownError */
  async #ask<Response>(doing: string, start: Ask<Response>): Promise<Response> {
    const answer = call<Response>((done) => start(this.#client, done));
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, this.#gone]);
    } catch (error) {
      if (error instanceof ShutdownError) throw error;
      const { name, version } = this.#info ?? { name: this.#project.folder, version: "" };
      const pack = version === "" ? JSON.stringify(name) : `${name}@v${version}`;
      throw new PolicyRunError(doing, pack, await this.#causeOf(error));
    }
  }

  /** Where the process died, the call says only that it was cut off. */
  async #causeOf(error: unknown): Promise<unknown> {
    if (!(error instanceof RpcError && error.code === grpc.status.UNAVAILABLE)) return error;
    const late = new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS, error).unref());
    return Promise.race([this.#gone.catch((reason: unknown) => reason), late]);
  }

  /** As `#ask`, where packs of old SDKs have no answer. */
  async #askIfAble<Response>(doing: string, otherwise: Response, start: Ask<Response>): Promise<Response> {
    try {
      return await this.#ask(doing, start);
    } catch (error) {
      if (error instanceof PolicyRunError && isUnimplemented(error.cause)) return otherwise;
      throw error;
    }
  }
}

type Done<Response> = (error: grpc.ServiceError | null, response: Response) => void;
type Ask<Response> = (client: analyzerGrpc.AnalyzerClient, done: Done<Response>) => unknown;

function names(list: readonly PolicyNotApplicable[]): string[] {
  return list.map((entry) => entry.getPolicyName());
}
