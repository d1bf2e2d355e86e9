// The direction of imports (docs/architecture.md): stacks -> components -> contracts <- services; engine knows nothing here.
const SERVICES = "api|worker|controller|gateway|portal";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "contracts-is-a-leaf",
      comment: "contracts/ imports zod and itself only.",
      severity: "error",
      from: { path: "^contracts/" },
      to: { pathNot: "^contracts/|^node_modules/zod/" },
    },
    {
      name: "components-know-no-service",
      severity: "error",
      from: { path: "^components/" },
      to: { path: "^(services|stacks|cli|policies|scripts|tests|engine|engine-providers)/" },
    },
    {
      name: "services-know-no-pulumi-and-no-stack",
      severity: "error",
      from: { path: "^services/" },
      to: { path: "^(components|stacks|cli|policies|scripts|tests|engine|engine-providers)/|^node_modules/@pulumi/" },
    },
    {
      name: "one-service-knows-no-other",
      comment: "They meet in runner/, workspace/, sandbox/, tools/, runtime/ and contracts/.",
      severity: "error",
      from: { path: `^services/(${SERVICES})/` },
      to: { path: `^services/(${SERVICES})/`, pathNot: "^services/$1/" },
    },
    {
      name: "shared-service-code-knows-no-service",
      severity: "error",
      from: { path: "^services/(runner|workspace|sandbox|runtime|tools)/" },
      to: { path: `^services/(${SERVICES})/` },
    },
    {
      name: "cli-speaks-http",
      severity: "error",
      from: { path: "^cli/" },
      to: { path: "^(services|components|stacks|policies|scripts|tests|engine|engine-providers)/" },
    },
    {
      name: "engine-knows-nothing-here",
      severity: "error",
      from: { path: "^engine/" },
      to: { path: "^(contracts|services|components|stacks|cli|policies|scripts|tests|demo|engine-providers)/" },
    },
    {
      name: "providers-know-the-protocol-alone",
      comment: "A provider plugin is a program of its own: of the engine it sees the property values.",
      severity: "error",
      from: { path: "^engine-providers/", pathNot: "/tests/" },
      to: {
        path: "^(contracts|services|components|stacks|cli|policies|scripts|tests|demo|engine)/",
        pathNot: "^engine/src/property\\.ts$",
      },
    },
    {
      name: "one-provider-knows-no-other",
      comment: "They share plugin/; the rehearsed clouds share rehearsal/.",
      severity: "error",
      from: { path: "^engine-providers/([^/]+)/" },
      to: { path: "^engine-providers/", pathNot: "^engine-providers/($1|plugin|rehearsal)/" },
    },
    {
      name: "stacks-compose-components",
      severity: "error",
      from: { path: "^stacks/" },
      to: { path: "^(services|cli|policies|scripts|tests|engine|engine-providers)/" },
    },
    {
      name: "nothing-imports-a-program",
      comment: "stacks/ and main.ts are started, not imported.",
      severity: "error",
      from: { pathNot: "^(tests|stacks)/|\\.mjs$" },
      to: { path: "^stacks/|/main\\.ts$" },
    },
    {
      name: "no-test-code-in-the-product",
      severity: "error",
      from: { pathNot: "^(tests|bench)/|^engine/tests/|^engine-providers/[^/]+/tests/" },
      to: { path: "^(tests|bench)/|^engine/tests/|^engine-providers/[^/]+/tests/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: {
      path: "^eslint\\.config\\.js$|^(node_modules|\\.automatos|\\.pulumi)/|/node_modules/\\.bin/|^engine/tests/.*/programs/",
    },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      extensions: [".ts", ".mjs", ".cjs", ".js", ".json"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
