// The service worker keeps the static shell and one offline page. Pages, letters and answers are never kept.
// ctx: version (a hash over the list), shell (paths of hashed assets), offline (path of the offline page).
"use strict";

const CACHE = "shell-" + {{ version | tojson }};
const SHELL = {{ shell | tojson }};
const OFFLINE = {{ offline | tojson }};

const keep = async () => {
  const cache = await caches.open(CACHE);
  // No cookies go along, so that nothing personal can slip into what is kept.
  await cache.addAll([...SHELL, OFFLINE].map((path) => new Request(path, { credentials: "omit", cache: "reload" })));
  await self.skipWaiting();
};

const forgetOlder = async () => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
};

const shellFirst = async (request) => (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);

const networkOrOffline = async (request) => {
  try {
    return await fetch(request);
  } catch {
    return caches.match(OFFLINE, { cacheName: CACHE });
  }
};

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOlder()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (SHELL.includes(url.pathname)) event.respondWith(shellFirst(request));
  else if (request.mode === "navigate") event.respondWith(networkOrOffline(request));
});
