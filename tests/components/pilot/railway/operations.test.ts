import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { buildSchema, type IntrospectionQuery, introspectionFromSchema, parse, validate } from "graphql";
import * as deployments from "../../../../components/pilot/railway/client/deployment-operations.ts";
import { EnvironmentPatch } from "../../../../components/pilot/railway/client/environment-config.ts";
import type { Operation } from "../../../../components/pilot/railway/client/operation.ts";
import * as projects from "../../../../components/pilot/railway/client/project-operations.ts";
import * as services from "../../../../components/pilot/railway/client/service-operations.ts";
import * as volumes from "../../../../components/pilot/railway/client/volume-operations.ts";
import { differences } from "./check-schema.ts";
import { SDL } from "./server.ts";

const isOperation = (value: unknown): value is Operation<object, unknown> =>
  typeof value === "object" && value !== null && "document" in value;
const OPERATIONS = [projects, services, volumes, deployments].flatMap((module) =>
  Object.values<unknown>(module).filter(isOperation),
);
const schema = buildSchema(SDL);

/** Path of Railway's introspection data: src/gql/schema.json of the repository railwayapp/cli. It is not kept here. */
const INTROSPECTION = process.env["RAILWAY_SCHEMA_JSON"];

describe("the operations on Railway's API", () => {
  for (const { name, document, effect } of OPERATIONS) {
    it(`${name} is valid in the schema, and a read where it says so`, () => {
      const parsed = parse(document);
      assert.deepEqual(
        validate(schema, parsed).map(({ message }) => message),
        [],
      );
      assert.match(document, new RegExp(`^${effect === "none" ? "query" : "mutation"} ${name}\\b`));
    });
  }

  it("are all there, under names of their own", () => {
    assert.equal(new Set(OPERATIONS.map(({ name }) => name)).size, OPERATIONS.length);
    assert.ok(OPERATIONS.length >= 25, String(OPERATIONS.length));
  });

  it("never repeat what makes a second thing, and keep their words about secrets to themselves", () => {
    const named = (test: (operation: Operation<object, unknown>) => boolean) =>
      OPERATIONS.filter(test)
        .map(({ name }) => name.replace("Automatos", ""))
        .sort();
    assert.deepEqual(
      named(({ effect }) => effect === "once"),
      ["Deploy", "DomainCreate", "ProjectCreate", "ServiceCreate", "VolumeCreate"],
    );
    assert.deepEqual(
      named(({ confidential }) => confidential),
      ["InstanceUpdate", "VariablesUpsert"],
    );
  });

  it("use all of the schema's root fields that are written down", () => {
    const documents = OPERATIONS.map(({ document }) => document).join("\n");
    const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.keys(type?.getFields() ?? {}),
    );
    assert.deepEqual(
      fields.filter((field) => !new RegExp(`\\b${field}\\(`).test(documents)),
      [],
    );
  });

  it("send an environment's configuration strictly", () => {
    assert.ok(EnvironmentPatch.safeParse({ volumes: { v: { sizeMB: 100_000 } } }).success);
    assert.ok(!EnvironmentPatch.safeParse({ volumes: { v: { sizeMb: 100_000 } } }).success);
    assert.ok(!EnvironmentPatch.safeParse({ volumes: {}, services: {} }).success);
  });
});

describe("the part of Railway's schema that is written down here", () => {
  it(
    "is a part of the real one",
    {
      skip:
        INTROSPECTION === undefined &&
        "RAILWAY_SCHEMA_JSON is not set: the path of src/gql/schema.json of railwayapp/cli, which is not kept here",
    },
    () => {
      const file = JSON.parse(readFileSync(INTROSPECTION ?? "", "utf8")) as
        IntrospectionQuery | { data: IntrospectionQuery };
      assert.deepEqual(differences(SDL, "data" in file ? file.data : file), []);
    },
  );

  it("is compared for all that may differ", () => {
    const changed = (from: string, to: string) => {
      assert.ok(SDL.includes(from), from);
      return differences(SDL, introspectionFromSchema(buildSchema(SDL.replace(from, to))));
    };
    assert.deepEqual(differences(SDL, introspectionFromSchema(schema)), []);
    assert.deepEqual(
      changed("  volumeDelete(volumeId: String!): Boolean!", "  volumeDelete(volumeId: String!): String!"),
      ["Mutation.volumeDelete is String!"],
    );
    assert.deepEqual(changed("  sizeMB: Int!\n", ""), ["VolumeInstance.sizeMB is not there"]);
    assert.deepEqual(changed("  NEEDS_APPROVAL\n", "").length, 1);
    assert.deepEqual(
      changed(
        "  mountPath: String!\n  projectId: String!\n  region",
        "  mountPath: String!\n  plan: String!\n  projectId: String!\n  region",
      ),
      ["VolumeCreateInput(plan) is demanded"],
    );
    assert.deepEqual(changed("  sizeMB: Int!\n", '  sizeMB: Int! @deprecated(reason: "old")\n'), [
      "VolumeInstance.sizeMB is deprecated: old",
    ]);
  });
});
