/** What `conf` says of itself: enough for `pulumi import` and `pulumi package get-schema`. */
const any = { $ref: "pulumi.json#/Any" };

export const schema = {
  name: "conf",
  version: "1.2.3",
  resources: {
    "conf:index:Thing": {
      inputProperties: { n: { type: "number" }, key: { type: "string" }, label: { type: "string" }, blob: any },
      properties: { n: { type: "number" }, twice: { type: "number" }, address: { type: "string" } },
    },
  },
  functions: {
    "conf:index:echo": { inputs: { properties: { value: any } }, outputs: { properties: { value: any } } },
  },
};
