import { isOwnedBy, list, number, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { POD, problemsOfPods } from "./pod.ts";
import { conditionOf, count, isObserved, isTrue, ready, waiting, wordsOf } from "./verdict.ts";
import type { Judge, View } from "./verdict.ts";

const REVISION = ["metadata", "annotations", "deployment.kubernetes.io/revision"] as const;

/**
 * Ready when the controller has seen the latest change, the ReplicaSet of that revision has all of its pods ready, the
 * rollout to it is over, and the volumes it claims are bound.
 */
export const deploymentJudge: Judge = {
  related: [{ apiVersion: "apps/v1", kind: "ReplicaSet" }, POD, { apiVersion: "v1", kind: "PersistentVolumeClaim" }],
  judge(view) {
    const { object } = view;
    const revision = text(object, ...REVISION);
    const replicaSet = replicaSetOf(view, revision);
    const wanted = replicaSet === undefined ? 1 : (number(replicaSet, "spec", "replicas") ?? 1);
    const running = replicaSet === undefined ? 0 : count(replicaSet, "readyReplicas");
    const progress = `waiting for the Deployment's ReplicaSet to be available (${running}/${wanted} Pods available)`;
    if (!isObserved(object) || revision === "")
      return waiting(progress, ["the Deployment controller has not seen it yet"]);

    const available = conditionOf(object, "Available");
    const progressing = conditionOf(object, "Progressing");
    // The first ReplicaSet is made, not rolled out to.
    const rolledOut =
      revision === "1" || (isTrue(progressing) && text(progressing, "reason") === "NewReplicaSetAvailable");
    const replicasReady = replicaSet !== undefined && running >= wanted;
    const unbound = unboundClaims(view);
    if (isTrue(available) && rolledOut && replicasReady && unbound.length === 0)
      return ready("Deployment initialization complete");

    const reasons = [progressing, available].filter((condition) => condition && !isTrue(condition)).map(wordsOf);
    if (unbound.length > 0) reasons.push(`Failed to bind PersistentVolumeClaim(s): ${unbound.join(", ")}`);
    if (!isTrue(available)) reasons.push("Minimum number of live Pods was not attained");
    else if (!replicasReady || !rolledOut)
      reasons.push(
        revision === "1"
          ? "Minimum number of Pods to consider the application live was not attained"
          : "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live",
      );
    return waiting(progress, [...reasons.filter(Boolean), ...problemsOfPods(view, replicaSet)]);
  },
};

function replicaSetOf(view: View, revision: string): Manifest | undefined {
  return view.of("ReplicaSet").find((one) => isOwnedBy(one, view.object) && text(one, ...REVISION) === revision);
}

function unboundClaims(view: View): string[] {
  const claimed = new Set(
    list(view.object, "spec", "template", "spec", "volumes").map((volume) =>
      text(volume, "persistentVolumeClaim", "claimName"),
    ),
  );
  return view
    .of("PersistentVolumeClaim")
    .filter((claim) => claimed.has(text(claim, "metadata", "name")) && text(claim, "status", "phase") !== "Bound")
    .map((claim) => text(claim, "metadata", "name"));
}
