// Package server serves the web app under /ui: pages that run in the browser and call the API.
//
// The app is built by Vite into the folder dist, which is embedded. Files whose names have the hash of their contents are kept
// by browsers for good; index.html is asked for again each time, and stands for every path that the app may know as a page.
// A Content-Security-Policy lets nothing run and nothing be called but what belongs to the app.
package server
