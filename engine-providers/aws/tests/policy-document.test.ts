import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asText } from "../../rehearsal/src/values.ts";
import { policyDocument } from "../src/policy-document.ts";

const parsed = (args: Parameters<typeof policyDocument>[0]) =>
  JSON.parse(asText(policyDocument(args)["json"])) as unknown;

describe("a policy document", () => {
  it("has statements as IAM reads them", () => {
    const document = parsed({
      policyId: "p",
      statements: [
        {
          sid: "one",
          actions: ["s3:PutObject", "s3:GetObject"],
          resources: ["*"],
          principals: [{ type: "*", identifiers: ["*"] }],
          conditions: [
            { test: "StringEquals", variable: "a", values: ["1"] },
            { test: "StringEquals", variable: "b", values: ["2", "1"] },
          ],
        },
        {
          effect: "Deny",
          notActions: ["iam:*"],
          notResources: ["x"],
          notPrincipals: [{ type: "AWS", identifiers: ["y"] }],
        },
      ],
    });
    assert.deepEqual(document, {
      Version: "2012-10-17",
      Id: "p",
      Statement: [
        {
          Sid: "one",
          Effect: "Allow",
          Action: ["s3:GetObject", "s3:PutObject"],
          Resource: "*",
          Principal: "*",
          Condition: { StringEquals: { a: "1", b: ["1", "2"] } },
        },
        { Effect: "Deny", NotAction: "iam:*", NotResource: "x", NotPrincipal: { AWS: "y" } },
      ],
    });
  });

  it("is merged from sources, and overridden by Sid", () => {
    const source = JSON.stringify({ Statement: { Sid: "a", Effect: "Allow", Action: "x:*" } });
    const override = JSON.stringify({ Statement: [{ Sid: "a", Effect: "Deny", Action: "x:*" }] });
    const document = parsed({
      sourcePolicyDocuments: [source],
      statements: [{ sid: "b", actions: ["y:*"] }],
      overridePolicyDocuments: [override],
    });
    assert.deepEqual(document, {
      Version: "2012-10-17",
      Statement: [
        { Sid: "a", Effect: "Deny", Action: "x:*" },
        { Sid: "b", Effect: "Allow", Action: "y:*" },
      ],
    });
    assert.deepEqual(parsed({}), { Version: "2012-10-17", Statement: [] });
  });
});
