/** Ends what global-setup started for this run. */
export default async function tearDown(): Promise<void> {
  await globalThis.stopTestServers?.();
}
