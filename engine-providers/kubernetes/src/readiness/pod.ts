/** Pods: what they wait for, and what is wrong with their containers. */
import { isManifest, isOwnedBy, list, number, text } from "../manifest/manifest.ts";
import type { Manifest, ManifestValue } from "../manifest/manifest.ts";
import { conditionOf, failed, isTrue, ready, shortName, waiting } from "./verdict.ts";
import type { Judge, Verdict, View } from "./verdict.ts";

export const POD = { apiVersion: "v1", kind: "Pod" } as const;

export const podJudge: Judge = {
  related: [],
  judge({ object }): Verdict {
    const name = shortName(object);
    const problems = podProblems(object);
    if (text(object, "status", "phase") === "Failed")
      return failed(problems.length > 0 ? problems : [`[Pod ${name}]: failed: ${text(object, "status", "message")}`]);
    if (!isTrue(conditionOf(object, "PodScheduled")))
      return waiting(`waiting for Pod ${name} to be scheduled`, problems);
    if (!isTrue(conditionOf(object, "Initialized")))
      return waiting(`waiting for Pod ${name} to be initialized`, problems);
    const succeeded = text(object, "status", "phase") === "Succeeded";
    if (succeeded || isTrue(conditionOf(object, "Ready"))) return ready(`Pod ${name} is ready`);
    return waiting(`waiting for Pod ${name} to be ready`, problems);
  },
};

/** Empty for a pod that is well, or has not been looked at yet. */
export function podProblems(pod: Manifest): string[] {
  const scheduled = conditionOf(pod, "PodScheduled");
  const name = shortName(pod);
  if (scheduled !== undefined && !isTrue(scheduled)) {
    const message = text(scheduled, "message");
    return message === "" ? [] : [`[Pod ${name}]: not scheduled: ${message}`];
  }
  const statuses = [...list(pod, "status", "initContainerStatuses"), ...list(pod, "status", "containerStatuses")];
  const problems = statuses.flatMap(containerProblems);
  const unmet = ["Initialized", "Ready"].map((type) => conditionOf(pod, type)).find((one) => one && !isTrue(one));
  const message = text(unmet, "message");
  if (text(pod, "status", "phase") === "Succeeded" || (problems.length === 0 && message === "")) return [];
  return [`[Pod ${name}]: ${[message, ...problems].filter(Boolean).join(" -- ")}`];
}

function containerProblems(status: ManifestValue): string[] {
  if (!isManifest(status) || status["ready"] === true) return [];
  const name = text(status, "name");
  const problems: string[] = [];
  const waitingFor = text(status, "state", "waiting", "reason");
  if (waitingFor !== "" && waitingFor !== "ContainerCreating" && waitingFor !== "PodInitializing")
    problems.push(`[${waitingFor}] ${text(status, "state", "waiting", "message")}`.trim());
  for (const [state, verb] of [
    ["state", "completed with"],
    ["lastState", "terminated before:"],
  ] as const) {
    const code = number(status, state, "terminated", "exitCode");
    if (code === undefined || (state === "state" && code === 0)) continue;
    const reason = text(status, state, "terminated", "reason");
    const message = text(status, state, "terminated", "message").trim();
    problems.push(`container "${name}" ${verb} exit code ${code} (${reason})${message === "" ? "" : `: ${message}`}`);
  }
  return problems;
}

/** What is wrong with the pods of a controller. */
export function problemsOfPods(view: View, owner: Manifest | undefined): string[] {
  return view
    .of("Pod")
    .filter((pod) => isOwnedBy(pod, owner))
    .flatMap(podProblems);
}
