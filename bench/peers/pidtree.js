// The npm package pidtree: `pidtree.js PID`.
const found = require(require.resolve("pidtree", { paths: [process.env.FELL_BENCH_NPM] }));
const pidtree = found.default ?? found.pidtree ?? found;
pidtree(Number(process.argv[2]), { root: true }).then(
  (pids) => console.log(pids.length),
  () => process.exit(1),
);
