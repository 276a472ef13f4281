import { render } from "preact";
import { App } from "./app";
import { loadSession } from "./session";
import "./style.css";

void loadSession();
const root = document.getElementById("app");
if (root) render(<App />, root);
