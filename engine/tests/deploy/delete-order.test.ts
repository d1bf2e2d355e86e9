import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ResourceState } from "../../src/model.ts";
import { deleteOrder, DependencyGraph } from "../../src/deploy/dependency-graph.ts";

const urn = (index: number) => `urn:pulumi:dev::test::x:y:Z::r${index}`;

/** A snapshot in which each resource may need, or be a child of, any before it. */
const snapshots = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat({ max: 30 }), { maxLength: 3 }),
      parent: fc.option(fc.nat({ max: 30 })),
      custom: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((shapes) =>
    shapes.map(({ needs, parent, custom }, index): ResourceState => {
      const before = (other: number) => (index === 0 ? undefined : other % index);
      const dependencies = index === 0 ? [] : [...new Set(needs.map((other) => urn(before(other) ?? 0)))];
      const above = parent === null ? undefined : before(parent);
      return {
        urn: urn(index),
        type: "x:y:Z",
        custom,
        dependencies,
        ...(above === undefined ? {} : { parent: urn(above) }),
      };
    }),
  );

describe("the order of deletes", () => {
  it("has whatever needs a resource before it, and everything once", () => {
    fc.assert(
      fc.property(snapshots, fc.array(fc.boolean()), (states, chosen) => {
        const condemned = states.filter((_state, index) => chosen[index] ?? true);
        const groups = deleteOrder(new DependencyGraph(states), condemned);
        const when = new Map(groups.flatMap((group, index) => group.map((state) => [state.urn, index] as const)));
        assert.deepEqual([...when.keys()].sort(), condemned.map((state) => state.urn).sort());
        for (const state of condemned) {
          for (const needed of [...(state.dependencies ?? []), state.parent ?? ""]) {
            const other = when.get(needed);
            if (other !== undefined)
              assert.ok((when.get(state.urn) ?? 0) < other, `${state.urn} must go before ${needed}`);
          }
        }
      }),
    );
  });

  it("has what depends on a component before the component's children", () => {
    const states: ResourceState[] = [
      { urn: urn(0), type: "x:y:Component", custom: false },
      { urn: urn(1), type: "x:y:Z", custom: true, parent: urn(0) },
      { urn: urn(2), type: "x:y:Z", custom: true, dependencies: [urn(0)] },
    ];
    const groups = deleteOrder(new DependencyGraph(states), states);
    assert.deepEqual(
      groups.map((group) => group.map((state) => state.urn)),
      [[urn(2)], [urn(1)], [urn(0)]],
    );
  });

  it("of thousands in one chain takes no stack", () => {
    const states = Array.from({ length: 20_000 }, (_, index): ResourceState => ({
      urn: urn(index),
      type: "x:y:Z",
      custom: true,
      ...(index === 0 ? {} : { dependencies: [urn(index - 1)] }),
    }));
    assert.equal(deleteOrder(new DependencyGraph(states), states).length, states.length);
  });
});

describe("what depends on a resource", () => {
  it("is all that can be reached, in the order of the snapshot", () => {
    fc.assert(
      fc.property(snapshots, fc.nat(), (states, pick) => {
        const root = states[pick % states.length];
        assert.ok(root);
        const found = new DependencyGraph(states).dependingOn(root, () => false, false);
        const reached = new Set([root.urn]);
        const expected = states.filter((state) => {
          const depends = state !== root && (state.dependencies ?? []).some((needed) => reached.has(needed));
          if (depends) reached.add(state.urn);
          return depends;
        });
        assert.deepEqual(found, expected);
      }),
    );
  });
});
