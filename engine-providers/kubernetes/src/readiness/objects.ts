/** Objects that a controller of the cluster has to accept, bind or fill in. */
import { field, isManifest, text } from "../manifest/manifest.ts";
import { conditionOf, hasField, isObserved, isTrue, ready, shortName, waiting, wordsOf } from "./verdict.ts";
import type { Judge } from "./verdict.ts";

export const volumeClaimJudge: Judge = {
  related: [{ apiVersion: "storage.k8s.io/v1", kind: "StorageClass", clusterWide: true }],
  judge(view) {
    const { object } = view;
    const phase = text(object, "status", "phase");
    if (phase === "Bound") return ready("PersistentVolumeClaim is bound");
    const className = text(object, "spec", "storageClassName");
    const storageClass = view.of("StorageClass").find((one) => text(one, "metadata", "name") === className);
    // Bound when the first pod uses it, which may be made after it.
    if (text(storageClass, "volumeBindingMode") === "WaitForFirstConsumer" && phase === "Pending")
      return ready("PersistentVolumeClaim waits for its first Pod");
    const name = shortName(object);
    const noClass = className !== "" && storageClass === undefined ? `; there is no StorageClass ${className}` : "";
    return waiting(`waiting for PersistentVolumeClaim ${name} to be bound`, [
      `PersistentVolumeClaim ${name} is ${phase || "not seen by its controller"}, not Bound${noClass}`,
    ]);
  },
};

export const volumeJudge: Judge = {
  related: [],
  judge({ object }) {
    const phase = text(object, "status", "phase");
    if (phase === "Available" || phase === "Bound") return ready(`PersistentVolume is ${phase}`);
    return waiting("waiting for the PersistentVolume to be available", [
      `PersistentVolume is ${phase || "not seen yet"}`,
    ]);
  },
};

export const quotaJudge: Judge = {
  related: [],
  judge({ object }) {
    const [wanted, seen] = [field(object, "spec", "hard"), field(object, "status", "hard")];
    const same = isManifest(wanted) && isManifest(seen) && Object.keys(wanted).every((key) => Object.hasOwn(seen, key));
    if (same || wanted === undefined) return ready("ResourceQuota is in force");
    return waiting("waiting for the ResourceQuota to be in force", ["the quota controller has not taken it up"]);
  },
};

/** Only tokens are filled in by a controller. */
export const secretJudge: Judge = {
  related: [],
  judge({ object }) {
    if (text(object, "type") !== "kubernetes.io/service-account-token") return ready("Secret is made");
    const data = field(object, "data");
    if (isManifest(data) && Object.keys(data).length > 0) return ready("Secret has its token");
    return waiting("waiting for the token", ["no controller has put a token into the Secret"]);
  },
};

/** Objects of its kind can be made from then on. */
export const definitionJudge: Judge = {
  related: [],
  judge({ object }) {
    if (isTrue(conditionOf(object, "Established"))) return ready("CustomResourceDefinition is established");
    const words = ["NamesAccepted", "NonStructuralSchema", "Established"].map((type) =>
      wordsOf(conditionOf(object, type)),
    );
    return waiting("waiting for the CustomResourceDefinition to be established", words.filter(Boolean));
  },
};

/**
 * Any object by the conventions of Kubernetes' API: the latest generation is observed, and the condition `Ready` holds
 * where there is one.
 */
export const anyJudge: Judge = {
  related: [],
  judge({ object }) {
    const progress = "waiting for readiness";
    if (hasField(object, "status", "observedGeneration") && !isObserved(object))
      return waiting(progress, ["its controller has not seen the latest generation"]);
    const condition = conditionOf(object, "Ready");
    if (condition !== undefined && !isTrue(condition))
      return waiting(wordsOf(condition) || progress, [wordsOf(condition)]);
    for (const type of ["Reconciling", "Stalled"]) {
      const unwanted = conditionOf(object, type);
      if (isTrue(unwanted)) return waiting(wordsOf(unwanted) || progress, [wordsOf(unwanted)]);
    }
    return ready("Resource is current");
  },
};
