import { useEffect } from "preact/hooks";
import { LocationProvider, Route, Router, useLocation } from "preact-iso";
import { Notices } from "./components/notices";
import { Shell } from "./components/shell";
import { Empty } from "./components/states";
import { usePage } from "./hooks";
import { ServicePage, UserPage } from "./pages/detail";
import { Services, Users } from "./pages/list";

/** Links that lead to pages here. The browser itself goes to /ui/auth, which the server answers. */
const scope = /^\/ui(?!\/(auth|api)\/)/;

/** Everything below /ui. */
export function App() {
  return (
    <LocationProvider scope={scope}>
      <Shell>
        <Router>
          <Route path="/ui" component={Start} />
          <Route path="/ui/services" component={Services} />
          <Route path="/ui/services/:id" component={ServicePage} />
          <Route path="/ui/users" component={Users} />
          <Route path="/ui/users/:id" component={UserPage} />
          <Route default component={NotFound} />
        </Router>
      </Shell>
      <Notices />
    </LocationProvider>
  );
}

function Start() {
  const { route } = useLocation();
  useEffect(() => route("/ui/services", true), [route]);
  return null;
}

function NotFound() {
  const heading = usePage("Not found");
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        Not found
      </h1>
      <Empty title="There is no such page.">
        <a href="/ui/services">See the services</a>
      </Empty>
    </>
  );
}
