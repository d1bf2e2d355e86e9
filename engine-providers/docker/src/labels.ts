/** Labels: in the SDK a list of pairs, in the daemon a map. */
import { list, object, string } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";

export const labelsField = list(
  object({ label: string({ required: true }), value: string({ required: true }) } as const),
  { replaces: true, unordered: true },
);

export type Labels = readonly { readonly label: string; readonly value: string }[];

export function labelMap(labels: Labels | undefined): Record<string, string> {
  return Object.fromEntries((labels ?? []).map(({ label, value }) => [label, value]));
}

export function labelList(map: Readonly<Record<string, string>> | null | undefined): PropertyMap[] {
  return Object.entries(map ?? {})
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** Without what is empty or undefined: such inputs need not be written. */
export function given(values: Readonly<Record<string, PropertyValue | undefined>>): PropertyMap {
  const isGiven = (entry: [string, PropertyValue | undefined]): entry is [string, PropertyValue] => {
    const [, value] = entry;
    if (value === undefined || value === null || value === "" || value === false || value === 0) return false;
    return typeof value !== "object" || Object.keys(value).length > 0;
  };
  return Object.fromEntries(Object.entries(values).filter(isGiven));
}
