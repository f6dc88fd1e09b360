// Serves dynalite on a free loopback port and writes that port, alone on its
// line, to standard output. It ends when its standard input closes, which
// happens when the process that started it is gone, however that one ended.
const [modules, path] = process.argv.slice(1)
const dynalite = require(require.resolve('dynalite', { paths: [modules] }))

const server = dynalite({ path: path || undefined, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

// A connection that a client opened and has not used yet is not idle to Node.js
// and would keep the server open: so connections are ended with the last request.
let ending = false
let working = 0
server.on('request', (request, response) => {
  working++
  response.on('close', () => {
    working--
    endConnections()
  })
})
function endConnections() {
  if (ending && working === 0) server.closeAllConnections()
}
function end() {
  if (ending) return
  ending = true
  server.close(() => process.exit(0))
  endConnections()
}
process.stdin.on('end', end).on('error', end).resume()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end)
