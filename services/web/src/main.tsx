import { render } from "preact";
import { App } from "./app";
import { connect } from "./backend";
import { loadSession } from "./session";
import "./style.css";

connect(loadSession().then(({ api }) => api ?? "/api"));
const root = document.getElementById("app");
if (root) render(<App />, root);
