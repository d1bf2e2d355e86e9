import type { Manifest } from "../manifest/manifest.ts";
import { POD, problemsOfPods } from "./pod.ts";
import { conditionOf, count, failed, hasField, isTrue, ready, shortName, waiting, wordsOf } from "./verdict.ts";
import type { Judge } from "./verdict.ts";

/** A Job is ready when it is done: what depends on it wants its result. */
export const jobJudge: Judge = {
  related: [POD],
  judge(view) {
    const { object } = view;
    const name = shortName(object);
    const failure = conditionOf(object, "Failed");
    const problems = problemsOfPods(view, object);
    if (isTrue(failure)) return failed([wordsOf(failure) || `Job ${name} failed`, ...problems]);
    if (isJobDone(object)) return ready(`Job ${name} is complete`);
    if (!hasField(object, "status", "startTime")) return waiting(`waiting for Job ${name} to start`, problems);
    const counts = `active: ${count(object, "active")}, succeeded: ${count(object, "succeeded")}, failed: ${count(object, "failed")}`;
    const progress = `waiting for Job ${name} to succeed (${counts})`;
    return waiting(progress, [`Job ${name} has not succeeded (${counts})`, ...problems]);
  },
};

export function isJobDone(job: Manifest): boolean {
  return isTrue(conditionOf(job, "Complete"));
}
