import { randomUUID } from "node:crypto";

/** What a Railway account holds, and the rules by which it changes; in memory. */

export interface Plan {
  readonly requestsPerSecond: number;
  readonly defaultVolumeMb: number;
  readonly maxVolumeMb: number;
  readonly maxServices: number;
}
export const PLANS = {
  hobby: { requestsPerSecond: 10, defaultVolumeMb: 5_000, maxVolumeMb: 5_000, maxServices: 50 },
  pro: { requestsPerSecond: 50, defaultVolumeMb: 50_000, maxVolumeMb: 1_000_000, maxServices: 100 },
} as const satisfies Record<string, Plan>;
/** For clients whose time passes faster than the server's. */
export const UNHURRIED: Plan = { ...PLANS.pro, requestsPerSecond: Infinity };

/** Looks for which a thing that was just made is not listed. */
interface Listed {
  readonly id: string;
  hiddenFor: number;
}

export interface Project extends Listed {
  name: string;
  description: string;
  readonly workspaceId: string;
  readonly environment: { readonly id: string; readonly name: string };
  deletedAt: string | null;
}
export interface Service extends Listed {
  name: string;
  readonly projectId: string;
  instance: Record<string, unknown>;
  limits: { cpu: number | null; memoryBytes: number | null } | null;
  variables: Record<string, string>;
  deletedAt: string | null;
}
export interface Volume extends Listed {
  readonly name: string;
  readonly projectId: string;
  readonly region: string;
  serviceId: string | null;
  mountPath: string;
  sizeMB: number;
  /** Looks for which it is being resized still. */
  updatingFor: number;
  isPendingDeletion: boolean;
}
export interface Domain extends Listed {
  readonly serviceId: string;
  domain: string;
  targetPort: number | null;
}
export interface Deployment extends Listed {
  readonly serviceId: string;
  status: string;
  deploymentStopped: boolean;
  /** Statuses still to come, one a look. */
  ahead: string[];
  readonly rendered: Readonly<Record<string, string>>;
  readonly image: string;
  buildLogs: string[];
  deploymentLogs: string[];
}

/** Told to the caller as GraphQL's error. */
export class Refusal extends Error {}

const INSTANCE_DEFAULTS = {
  restartPolicyType: "ON_FAILURE",
  restartPolicyMaxRetries: 10,
  healthcheckTimeout: 300,
  region: "europe-west4-drams3a",
  numReplicas: 1,
};

export class World {
  readonly plan: Plan;
  readonly workspaceId: string;
  /** Looks for which new things are not listed. */
  lag = 0;
  /** Looks that a deployment takes. */
  deploySteps = 2;
  readonly projects: Project[] = [];
  readonly services: Service[] = [];
  readonly volumes: Volume[] = [];
  readonly domains: Domain[] = [];
  /** The newest one last. */
  readonly deployments: Deployment[] = [];
  /** What happened that no query tells. */
  readonly events: string[] = [];
  /** Names of services whose program does its work and ends. */
  readonly ending = new Set(["migrate"]);
  /** Names of services whose next deployment fails, and how. */
  readonly failing = new Map<string, { status: string; log: string }>();

  constructor(plan: Plan, workspaceId: string) {
    this.plan = plan;
    this.workspaceId = workspaceId;
  }

  made<T extends object>(thing: T): T & Listed {
    return { id: randomUUID(), hiddenFor: this.lag, ...thing };
  }

  /** Those that are listed by now. */
  listed<T extends Listed>(things: readonly T[]): T[] {
    return things.filter((thing) => {
      thing.hiddenFor -= 1;
      return thing.hiddenFor < 0;
    });
  }

  project(id: string): Project {
    const found = this.projects.find((project) => project.id === id && project.deletedAt === null);
    if (found === undefined) throw new Refusal("Project not found");
    return found;
  }

  environment(id: string): Project {
    const found = this.projects.find((project) => project.environment.id === id && project.deletedAt === null);
    if (found === undefined) throw new Refusal("Environment not found");
    return found;
  }

  service(id: string): Service {
    const found = this.services.find((service) => service.id === id && service.deletedAt === null);
    if (found === undefined) throw new Refusal("Service not found");
    return found;
  }

  volume(id: string): Volume {
    const found = this.volumes.find((volume) => volume.id === id && !volume.isPendingDeletion);
    if (found === undefined) throw new Refusal("Volume not found");
    return found;
  }

  servicesOf(projectId: string): Service[] {
    return this.services.filter((service) => service.projectId === projectId && service.deletedAt === null);
  }

  volumeOf(serviceId: string): Volume | undefined {
    return this.volumes.find((volume) => volume.serviceId === serviceId && !volume.isPendingDeletion);
  }

  createProject(input: { name: string; description: string; workspaceId: string; defaultEnvironmentName: string }) {
    const { name, description, workspaceId, defaultEnvironmentName } = input;
    const environment = { id: randomUUID(), name: defaultEnvironmentName };
    // names of projects are not unique at Railway: a twin is possible
    const project = this.made({ name, description, workspaceId, environment, deletedAt: null });
    this.projects.push(project);
    return project;
  }

  deleteProject(id: string): true {
    const project = this.project(id);
    project.deletedAt = new Date().toISOString();
    for (const service of this.servicesOf(id)) service.deletedAt = project.deletedAt;
    for (const volume of this.volumes.filter((each) => each.projectId === id && !each.isPendingDeletion)) {
      this.events.push(`data of volume ${volume.mountPath} were deleted with project ${project.name}`);
      volume.isPendingDeletion = true;
    }
    return true;
  }

  createService({ projectId, name }: { projectId: string; name: string }): Service {
    const siblings = this.servicesOf(this.project(projectId).id);
    if (siblings.some((each) => each.name === name)) {
      throw new Refusal(`A service named "${name}" already exists in this project`);
    }
    if (siblings.length >= this.plan.maxServices) throw new Refusal("Service limit reached, please upgrade your plan");
    const instance = { ...INSTANCE_DEFAULTS };
    const service = this.made({ projectId, name, instance, limits: null, variables: {}, deletedAt: null });
    this.services.push(service);
    return service;
  }

  updateInstance(serviceId: string, input: Record<string, unknown>): true {
    const service = this.service(serviceId);
    if (Number(input["numReplicas"] ?? 1) > 1 && this.volumeOf(serviceId) !== undefined) {
      throw new Refusal("Cannot use replicas with a volume");
    }
    for (const [key, value] of Object.entries(input)) {
      const fallback = (INSTANCE_DEFAULTS as Record<string, unknown>)[key] ?? null;
      if (key !== "registryCredentials") service.instance[key] = value ?? fallback;
    }
    return true;
  }

  createVolume(input: { projectId: string; serviceId: string; mountPath: string; region?: string }): Volume {
    const { projectId, serviceId, mountPath, region = INSTANCE_DEFAULTS.region } = input;
    const service = this.service(serviceId);
    if (this.volumeOf(serviceId) !== undefined) throw new Refusal("A service can have one volume, it has one already");
    if (Number(service.instance["numReplicas"]) > 1) throw new Refusal("Cannot use a volume with replicas");
    const size = { sizeMB: this.plan.defaultVolumeMb, updatingFor: 0, isPendingDeletion: false };
    const name = `${service.name}-volume`;
    const volume = this.made({ name, projectId, serviceId, mountPath, region, ...size });
    this.volumes.push(volume);
    return volume;
  }

  commitPatch(patch: { volumes?: Record<string, { sizeMB?: number }> }): string {
    for (const [id, { sizeMB = 0 }] of Object.entries(patch.volumes ?? {})) {
      const volume = this.volume(id);
      if (sizeMB < volume.sizeMB) throw new Refusal("A volume cannot be made smaller");
      if (sizeMB > this.plan.maxVolumeMb) throw new Refusal(`Volume size exceeds the limit of your plan`);
      volume.sizeMB = sizeMB;
      volume.updatingFor = 2;
    }
    return randomUUID();
  }

  createDomain({ serviceId, targetPort }: { serviceId: string; targetPort: number | null }): Domain {
    const domain = `${this.service(serviceId).name}-production-${randomUUID().slice(0, 4)}.up.railway.app`;
    const made = this.made({ serviceId, domain, targetPort });
    this.domains.push(made);
    return made;
  }

  /** Variables as the service gets them; a reference to what is not there fails the deployment. */
  #render(service: Service): Record<string, string> {
    const siblings = this.servicesOf(service.projectId);
    const valueOf = (owner: Service, name: string): string => {
      if (name === "RAILWAY_PRIVATE_DOMAIN") return `${owner.name}.railway.internal`;
      const value = owner.variables[name];
      if (value === undefined) throw new Refusal(`variable ${name} of ${owner.name} is not set`);
      return fill(value);
    };
    const fill = (text: string): string =>
      text.replaceAll(/\$\{\{\s*([^.}\s]+)\.([^}\s]+)\s*\}\}/g, (_all, name: string, variable: string) => {
        const other = siblings.find((each) => each.name === name);
        if (other === undefined) throw new Refusal(`there is no service ${name}`);
        return valueOf(other, variable);
      });
    return Object.fromEntries(Object.entries(service.variables).map(([name, text]) => [name, fill(text)]));
  }

  deploy(serviceId: string): Deployment {
    const service = this.service(serviceId);
    const image = (service.instance["source"] as { image?: string } | undefined)?.image;
    if (image === undefined) throw new Refusal("Service has no source");
    const running = this.deployments.filter(
      (each) => each.serviceId === serviceId && each.status === "SUCCESS" && !each.deploymentStopped,
    );
    // a disk is in one place at a time: the old one ends before the new one starts
    if (running.length > 0 && this.volumeOf(serviceId) !== undefined) this.events.push(`downtime of ${service.name}`);
    for (const old of running) old.status = "REMOVED";
    const failure = this.failing.get(service.name);
    this.failing.delete(service.name);
    let rendered: Record<string, string> = {};
    let last = failure?.status ?? "SUCCESS";
    const log = failure === undefined ? [] : [failure.log];
    try {
      rendered = this.#render(service);
    } catch (error) {
      last = "FAILED";
      log.push((error as Error).message);
    }
    const between = ["BUILDING", "DEPLOYING"];
    const ahead = [...Array.from({ length: this.deploySteps }, (_, step) => between[step % 2] ?? ""), last];
    const logs = { buildLogs: last === "FAILED" ? log : ["pulled"], deploymentLogs: last === "FAILED" ? [] : log };
    const begun = { serviceId, status: "QUEUED", deploymentStopped: false, ahead, rendered, image, ...logs };
    const deployment = this.made(begun);
    this.deployments.push(deployment);
    this.events.push(`deployment of ${service.name}`);
    return deployment;
  }

  /** A look at it, by which its time passes. */
  advance(deployment: Deployment): Deployment {
    deployment.status = deployment.ahead.shift() ?? deployment.status;
    const { name = "", instance } = this.services.find(({ id }) => id === deployment.serviceId) ?? {};
    const isOver = this.ending.has(name) && instance?.["restartPolicyType"] !== "ALWAYS";
    if (deployment.status === "SUCCESS" && isOver) deployment.deploymentStopped = true;
    return deployment;
  }
}
