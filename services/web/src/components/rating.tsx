// Ratings: one in a list, and the form in which a person rates.
import { useState } from "preact/hooks";
import type { Rating } from "../backend";
import { isPending } from "../change";
import { deleteSoon, sendDeletions } from "../deletions";
import { formatDate, formatExactDate } from "../format";
import { useQuery } from "../hooks";
import { notify } from "../notices";
import { actingUser, canPick, ownUser, session, signInPath } from "../session";
import { ratings, services } from "../stores";
import { Dialog } from "./dialog";
import { fieldsOf, NewButton, userKind } from "./edit";
import { type Field, Form } from "./form";
import { servicePath, UserName } from "./people";
import { Score } from "./score";
import { PickUser } from "./shell";
import { Loading } from "./states";

const fields: readonly Field<Rating>[] = [
  { name: "score", label: "Score", kind: "score", required: true },
  { name: "comment", label: "Comment", kind: "text", maxLength: 2000 },
];

function ServiceName({ name }: { name: string }) {
  const { item } = useQuery(
    () => services.item(name),
    ({ item }) => void item.refresh(),
    [name],
  );
  const service = item.value.value;
  return <a href={servicePath(name)}>{service?.displayName ?? (item.phase.value === "loading" ? "…" : "A service")}</a>;
}

/**
 * Shows a rating of a user's, of a service's, or what the acting person thinks of the service in view; with what its own author
 * can do with it.
 */
export function RatingCard({ rating, of }: { rating: Rating; of: "user" | "service" | "person" }) {
  const [editing, setEditing] = useState<Rating>();
  const own = rating.user === actingUser.value && !isPending(rating);
  return (
    <article class="rating">
      <div class="rating-head">
        {of === "service" && (
          <strong>
            <UserName name={rating.user} />
          </strong>
        )}
        {of === "user" && (
          <strong>
            <ServiceName name={rating.service} />
          </strong>
        )}
        <Score score={rating.score} />
        {isPending(rating) ? (
          <span class="muted">Saving…</span>
        ) : (
          rating.createTime && (
            <time class="muted" dateTime={rating.createTime} title={formatExactDate(rating.createTime)}>
              {formatDate(rating.createTime)}
            </time>
          )
        )}
      </div>
      {rating.comment && <p class="comment">{rating.comment}</p>}
      {own && (
        <div class="row-actions">
          <button type="button" class="quiet" onClick={() => setEditing(rating)}>
            Edit<span class="hidden"> your rating</span>
          </button>
          <button type="button" class="quiet danger-text" onClick={() => deleteSoon(ratings, rating, "Your rating")}>
            Delete<span class="hidden"> your rating</span>
          </button>
        </div>
      )}
      {editing && (
        <Dialog title="Edit your rating" onClose={() => setEditing(undefined)}>
          <EditRating rating={editing} onDone={() => setEditing(undefined)} />
        </Dialog>
      )}
    </article>
  );
}

function EditRating({ rating, onDone }: { rating: Rating; onDone: () => void }) {
  const [before, setBefore] = useState(rating);
  return (
    <Form<Rating>
      fields={fields}
      initial={fieldsOf(fields, rating)}
      action="Save"
      save={(values, key) => ratings.update(before, values, key)}
      reload={async () => {
        const newest = await ratings.get(rating.name);
        setBefore(newest);
        return fieldsOf(fields, newest);
      }}
      onDone={() => {
        notify("Your rating is saved.");
        onDone();
      }}
      onCancel={onDone}
    />
  );
}

function SignInToRate() {
  if (session.value?.signIn && !session.value.signedIn) {
    return (
      <a class="button" href={signInPath()}>
        Sign in to rate
      </a>
    );
  }
  return ownUser.value === "" ? (
    <>
      <p class="muted">You rate under a name that other people see.</p>
      <NewButton kind={userKind} label="Choose your name" />
    </>
  ) : (
    <Loading rows={1} />
  );
}

/** Lets the person who acts rate a service, or tells what they think of it. */
export function OwnRating({ service }: { service: string }) {
  const [picking, setPicking] = useState(false);
  const user = actingUser.value;
  if (!user) {
    return (
      <div class="panel">
        <h2>Your rating</h2>
        {canPick.value ? (
          <>
            <p class="muted">Choose who you are, then rate.</p>
            <button type="button" class="primary" onClick={() => setPicking(true)}>
              Choose who you are
            </button>
            {picking && <PickUser onClose={() => setPicking(false)} />}
          </>
        ) : (
          <SignInToRate />
        )}
      </div>
    );
  }
  return <OwnRatingOf key={`${user} ${service}`} user={user} service={service} />;
}

function OwnRatingOf({ user, service }: { user: string; service: string }) {
  const { list } = useQuery(
    () => ratings.list({ user, service }),
    ({ list }) => void list.refresh(),
    [],
  );
  const own = list.items.value.find((rating) => !isPending(rating));
  return (
    <div class="panel">
      <h2>Your rating</h2>
      {list.phase.value === "loading" ? (
        <Loading rows={1} />
      ) : own ? (
        <RatingCard rating={own} of="person" />
      ) : (
        <Form<Rating>
          fields={fields}
          initial={{}}
          action="Rate"
          save={async (values, key) => {
            await sendDeletions(); // of the rating that was there before
            await ratings.create({ ...values, user, service } as Rating, key);
          }}
          onDone={() => notify("Thank you: your rating counts.")}
        />
      )}
    </div>
  );
}
