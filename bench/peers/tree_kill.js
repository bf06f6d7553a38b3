// The npm package tree-kill; it does not wait: `tree_kill.js PID`.
require(require.resolve("tree-kill", { paths: [process.env.FELL_BENCH_NPM] }))(Number(process.argv[2]), "SIGTERM", (error) => {
  process.exit(error ? 1 : 0);
});
