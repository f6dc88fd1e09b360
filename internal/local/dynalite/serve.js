// Serves dynalite on a free loopback port and writes that port, alone on its
// line, to standard output. It ends when its standard input closes, which
// happens when the process that started it is gone, however that one ended.
const [modules, path] = process.argv.slice(1)
const dynalite = require(require.resolve('dynalite', { paths: [modules] }))

const server = dynalite({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

let ending = false
function end() {
  if (ending) return
  ending = true
  server.close(() => process.exit(0))
  server.closeIdleConnections()
}
process.stdin.on('end', end).on('error', end).resume()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end)
