import { render } from "preact";
import { App } from "./app";
import { connect } from "./backend";
import { loadSession } from "./session";
import "./style/theme.css";
import "./style/frame.css";
import "./style/controls.css";
import "./style/lists.css";
import "./style/scores.css";
import "./style/overlays.css";
import "./style/phone.css";

connect(loadSession().then(({ api }) => api ?? "/api"));
const root = document.getElementById("app");
if (root) render(<App />, root);
