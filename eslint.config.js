// What the compiler cannot see of the project's rules: promises nobody awaits, switches that miss a case, exports
// without a name. Only errors: a rule that may be ignored is no rule.
import tseslint from "typescript-eslint";

const NAMED_EXPORTS = { selector: "ExportDefaultDeclaration", message: "Exports have names (no default export)." };
const NO_BARRELS = { selector: "ExportAllDeclaration", message: "No barrels: import from the file that defines it." };
const TS_SPECIFIERS = {
  selector: ":matches(ImportDeclaration, ExportNamedDeclaration)[source.value=/^\\..*(?<!\\.(ts|json))$/]",
  message: "Relative specifiers end in .ts.",
};
const NO_MODULE_STATE = {
  selector:
    "Program > VariableDeclaration[kind=/^(let|var)$/], Program > ExportNamedDeclaration > VariableDeclaration[kind=/^(let|var)$/]",
  message: "No module-level mutable state: pass it in.",
};
// An index into a typed array within its checked length cannot miss, and a check per element would cost in hot loops.
const ASSERT_ELEMENTS_ONLY = {
  selector: "TSNonNullExpression[expression.computed!=true]",
  message: "`!` is for indexed elements only, where the length was checked; anything else is narrowed.",
};

export default tseslint.config(
  // Kernels are AssemblyScript, which its own compiler checks.
  { ignores: ["dist/", "demo-out/", "coverage/", "src/kernels/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error", noInlineConfig: true } },
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // `typeof import("…")` is the type of what createRequire() returns.
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/prefer-readonly": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // An async function without await keeps an interface's promise; it does no harm.
      "@typescript-eslint/require-await": "off",
      // Numbers in messages are wanted; objects that print as [object Object] are not.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      eqeqeq: ["error", "always"],
      "prefer-const": "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        NAMED_EXPORTS,
        NO_BARRELS,
        TS_SPECIFIERS,
        NO_MODULE_STATE,
        ASSERT_ELEMENTS_ONLY,
      ],
      "no-console": "error",
    },
  },
  {
    // The start of a process is imported by nobody: what lives as long as the process may stand there.
    files: ["src/**/*.child.ts"],
    rules: { "no-restricted-syntax": ["error", NAMED_EXPORTS, NO_BARRELS, TS_SPECIFIERS, ASSERT_ELEMENTS_ONLY] },
  },
  {
    // The command line's own output.
    files: ["src/main.ts", "src/cli/**/*.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "no-restricted-syntax": ["error", NAMED_EXPORTS, NO_BARRELS, TS_SPECIFIERS],
      // node:test's `test()` returns a promise that the runner itself awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", name: ["test", "describe", "it", "suite"], package: "node:test" },
          ],
        },
      ],
    },
  },
  {
    files: [".ci/**/*.mjs", "*.js", "*.cjs"],
    extends: [tseslint.configs.recommended],
    rules: {
      // A .cjs file has nothing else.
      "@typescript-eslint/no-require-imports": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
);
