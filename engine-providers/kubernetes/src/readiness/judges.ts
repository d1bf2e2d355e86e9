/** Which judge an object has. */
import { ANNOTATION, annotation, isAnnotated } from "../manifest/annotations.ts";
import { apiVersionOf, kindOf } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { groupOf } from "../cluster/scope.ts";
import { deploymentJudge } from "./deployment.ts";
import { jobJudge } from "./job.ts";
import * as objects from "./objects.ts";
import { podJudge } from "./pod.ts";
import * as replicas from "./replicas.ts";
import { ingressJudge, serviceJudge } from "./traffic.ts";
import type { Judge } from "./verdict.ts";
import { waitForJudge } from "./wait-for.ts";

/** By `group/Kind`. */
const JUDGES: Readonly<Record<string, Judge>> = {
  "apps/DaemonSet": replicas.daemonSetJudge,
  "apps/Deployment": deploymentJudge,
  "apps/ReplicaSet": replicas.replicasJudge,
  "apps/StatefulSet": replicas.statefulSetJudge,
  "batch/Job": jobJudge,
  "networking.k8s.io/Ingress": ingressJudge,
  "apiextensions.k8s.io/CustomResourceDefinition": objects.definitionJudge,
  "/PersistentVolume": objects.volumeJudge,
  "/PersistentVolumeClaim": objects.volumeClaimJudge,
  "/Pod": podJudge,
  "/ReplicationController": replicas.replicasJudge,
  "/ResourceQuota": objects.quotaJudge,
  "/Secret": objects.secretJudge,
  "/Service": serviceJudge,
};

/**
 * Undefined for what is ready as soon as it is there.
 * @param awaitAll Every object is waited for, by the conventions of the API (PULUMI_K8S_AWAIT_ALL).
 * @throws when the annotation pulumi.com/waitFor cannot be read
 */
export function judgeOf(manifest: Manifest, awaitAll: boolean): Judge | undefined {
  if (isAnnotated(manifest, ANNOTATION.skipAwait)) return undefined;
  const waitFor = annotation(manifest, ANNOTATION.waitFor);
  if (waitFor !== "") return waitForJudge(waitFor);
  return JUDGES[`${groupOf(apiVersionOf(manifest))}/${kindOf(manifest)}`] ?? (awaitAll ? objects.anyJudge : undefined);
}
