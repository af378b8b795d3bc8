/** A plugin that answers everything at once, in a process of its own: what is measured is the client. */
import { createServer } from 'node:http';

const ANSWERS = {
  '/Plugin.Activate': '{"Implements":["VolumeDriver"]}',
  '/VolumeDriver.Get': '{"Volume":{"Name":"a","Mountpoint":""},"Err":""}',
  '/VolumeDriver.Path': '{"Mountpoint":"/mnt/a","Err":""}',
  '/VolumeDriver.Mount': '{"Mountpoint":"/mnt/a","Err":""}',
};
createServer((q, r) => {
  q.resume();
  q.on('end', () => r.end(ANSWERS[q.url] ?? '{"Err":""}'));
}).listen(process.argv[2], () => process.stdout.write('ready\n'));
