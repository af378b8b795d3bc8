/** The least that a program in Node can do for `path`: three requests on one connection, unread, and one line. `floor.cjs <socket>` */
const { connect } = require('node:net');
const { writeSync } = require('node:fs');
const request = 'POST /VolumeDriver.Path HTTP/1.1\r\nHost: plugin\r\nContent-Length: 2\r\n\r\n{}';
let answers = 0;
const socket = connect({ path: process.argv[2] });
socket.on('data', () => {
  answers += 1;
  if (answers < 3) return void socket.write(request);
  writeSync(1, '/mnt/a\n');
  process.exit(0);
});
socket.write(request);
