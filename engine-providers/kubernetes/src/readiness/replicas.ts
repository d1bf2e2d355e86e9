/** Controllers of pods other than Deployments. */
import { number, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { POD, problemsOfPods } from "./pod.ts";
import { count, isObserved, ready, waiting } from "./verdict.ts";
import type { Judge } from "./verdict.ts";

const specReplicas = (object: Manifest) => number(object, "spec", "replicas") ?? 1;

export const statefulSetJudge: Judge = {
  related: [POD],
  judge(view) {
    const { object } = view;
    const wanted = specReplicas(object);
    const running = count(object, "readyReplicas");
    const progress = `waiting for the StatefulSet's Pods (${running}/${wanted} Pods ready)`;
    if (!isObserved(object)) return waiting(progress, ["the StatefulSet controller has not seen it yet"]);
    const [current, next] = [text(object, "status", "currentRevision"), text(object, "status", "updateRevision")];
    // With OnDelete the old pods stay until somebody deletes them.
    const onDelete = text(object, "spec", "updateStrategy", "type") === "OnDelete" && view.before !== undefined;
    const revised = onDelete || (current !== "" && current === next);
    const counted = ["replicas", "readyReplicas", ...(onDelete ? [] : ["currentReplicas"])];
    const allRunning = counted.every((name) => count(object, name) === wanted);
    if (revised && allRunning) return ready("StatefulSet initialization complete");
    const reasons = problemsOfPods(view, object);
    if (!revised)
      reasons.unshift(`StatefulSet controller failed to advance from revision "${current}" to revision "${next}"`);
    if (!allRunning) reasons.unshift(`${running} out of ${wanted} replicas succeeded readiness checks`);
    return waiting(progress, reasons);
  },
};

export const daemonSetJudge: Judge = {
  related: [POD],
  judge(view) {
    const { object } = view;
    const wanted = number(object, "status", "desiredNumberScheduled");
    const running = count(object, "numberReady");
    const progress = `waiting for the DaemonSet's Pods (${running}/${wanted ?? "?"} Pods ready)`;
    if (!isObserved(object) || wanted === undefined)
      return waiting(progress, ["the DaemonSet controller has not seen it yet"]);
    const counted = ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"];
    // Pods that are as they should be are not counted again as updated with this strategy.
    const onDelete = text(object, "spec", "updateStrategy", "type") === "OnDelete";
    const relevant = counted.filter((name) => !(onDelete && name === "updatedNumberScheduled"));
    if (relevant.every((name) => count(object, name) >= wanted)) return ready("DaemonSet initialization complete");
    return waiting(progress, [`${running} out of ${wanted} Pods are ready`, ...problemsOfPods(view, object)]);
  },
};

/** ReplicaSets and ReplicationControllers. */
export const replicasJudge: Judge = {
  related: [POD],
  judge(view) {
    const { object } = view;
    const wanted = specReplicas(object);
    const running = count(object, "availableReplicas");
    const progress = `waiting for ${running}/${wanted} Pods to be available`;
    if (isObserved(object) && running === wanted) return ready(`${wanted} Pods are available`);
    const reason = `${running} out of ${wanted} Pods are available`;
    return waiting(progress, [reason, ...problemsOfPods(view, object)]);
  },
};
