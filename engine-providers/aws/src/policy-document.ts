/** `aws.iam.getPolicyDocument`: statements in, the JSON that IAM reads out. */
import { isList, isMap } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { textAt, textsAt } from "@automatos/provider-rehearsal";
import type { Properties } from "@automatos/provider-rehearsal";

const VERSION = "2012-10-17";

/** Statements of the sources come first; one that overrides replaces the one with its Sid. */
export function policyDocument(args: PropertyMap): Properties {
  const own = listAt(args, "statements").map(statement);
  const sources = [...textsAt(args, "sourceJson"), ...textsAt(args, "sourcePolicyDocuments")].flatMap(statementsOf);
  const overrides = [...textsAt(args, "overrideJson"), ...textsAt(args, "overridePolicyDocuments")].flatMap(
    statementsOf,
  );
  const merged = [...sources, ...own, ...overrides].reduce<PropertyMap[]>((all, next) => {
    const sid = textAt(next, "Sid");
    const index = sid === undefined ? -1 : all.findIndex((item) => textAt(item, "Sid") === sid);
    return index < 0 ? [...all, next] : all.with(index, next);
  }, []);
  const policyId = textAt(args, "policyId");
  const document = {
    Version: textAt(args, "version") ?? VERSION,
    ...(policyId === undefined ? {} : { Id: policyId }),
    Statement: merged,
  };
  return {
    ...args,
    id: "rehearsed",
    json: JSON.stringify(document, undefined, 2),
    minifiedJson: JSON.stringify(document),
  };
}

function statement(value: PropertyValue): PropertyMap {
  const map = isMap(value) ? value : {};
  const sid = textAt(map, "sid");
  return {
    ...(sid === undefined ? {} : { Sid: sid }),
    Effect: textAt(map, "effect") ?? "Allow",
    ...some("Action", textsAt(map, "actions")),
    ...some("NotAction", textsAt(map, "notActions")),
    ...some("Resource", textsAt(map, "resources")),
    ...some("NotResource", textsAt(map, "notResources")),
    ...principals("Principal", listAt(map, "principals")),
    ...principals("NotPrincipal", listAt(map, "notPrincipals")),
    ...conditions(listAt(map, "conditions")),
  };
}

/** IAM takes one text for a list of one. */
function some(key: string, values: readonly string[]): PropertyMap {
  const [first] = values;
  if (first === undefined) return {};
  return { [key]: values.length === 1 ? first : [...values].sort() };
}

function principals(key: string, list: readonly PropertyValue[]): PropertyMap {
  if (list.length === 0) return {};
  const byType = list.map((item) => some(textAt(item, "type") ?? "AWS", textsAt(item, "identifiers")));
  const merged: PropertyMap = Object.assign({}, ...byType) as PropertyMap;
  return { [key]: merged["*"] === "*" ? "*" : merged };
}

function conditions(list: readonly PropertyValue[]): PropertyMap {
  const merged: Record<string, PropertyMap> = {};
  for (const item of list) {
    const test = textAt(item, "test") ?? "";
    merged[test] = { ...merged[test], ...some(textAt(item, "variable") ?? "", textsAt(item, "values")) };
  }
  return Object.keys(merged).length === 0 ? {} : { Condition: merged };
}

function listAt(map: PropertyMap, key: string): readonly PropertyValue[] {
  const value = map[key];
  return value !== undefined && isList(value) ? value : [];
}

/** @throws Error when the text is no policy */
function statementsOf(json: string): PropertyMap[] {
  const document = JSON.parse(json) as { Statement?: PropertyMap | PropertyMap[] };
  return [document.Statement ?? []].flat();
}
