package once_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log"

	"google.golang.org/protobuf/types/known/wrapperspb"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/codingflow/rating/natsgrpc/once"
)

// requests records the requests of the examples.
const requests once.Table = "requests"

// openAccounts returns a database with one account, which is empty.
func openAccounts() *sql.DB {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	if _, err := db.Exec(requests.Schema(once.SQLite) + `
		CREATE TABLE accounts (name TEXT NOT NULL PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
		INSERT INTO accounts VALUES ('ada', 0)`); err != nil {
		log.Fatal(err)
	}
	return db
}

// A request that comes twice pays once.
func Example() {
	db := openAccounts()
	defer db.Close()
	pay := func(id string, amount int) {
		req := once.Request{ID: id, Digest: sha256.Sum256(fmt.Append(nil, amount))}
		answer, err := requests.Do(context.Background(), db, req, func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
			var balance int
			err := tx.QueryRowContext(ctx, "UPDATE accounts SET balance = balance + $1 WHERE name = 'ada' RETURNING balance",
				amount).Scan(&balance)
			return fmt.Append(nil, "the balance is ", balance), err
		})
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println(string(answer))
	}
	pay("1", 5)
	pay("2", 10)
	pay("1", 5)
	pay("1", 6)
	// Output:
	// the balance is 5
	// the balance is 15
	// the balance is 5
	// error: the request id was used for another request
}

// A handler of protobuf messages. In a service the id is natsgrpc.RequestID(ctx).
func ExampleHandle() {
	db := openAccounts()
	defer db.Close()
	pay := func(ctx context.Context, id string, amount *wrapperspb.Int64Value) (*wrapperspb.Int64Value, error) {
		return once.Handle(ctx, requests, db, id, amount, func(ctx context.Context, tx *sql.Tx) (*wrapperspb.Int64Value, error) {
			var balance int64
			err := tx.QueryRowContext(ctx, "UPDATE accounts SET balance = balance + $1 WHERE name = 'ada' RETURNING balance",
				amount.GetValue()).Scan(&balance)
			return wrapperspb.Int64(balance), err
		})
	}
	for _, id := range []string{"1", "2", "1"} {
		balance, err := pay(context.Background(), id, wrapperspb.Int64(5))
		fmt.Println(balance.GetValue(), err)
	}
	// Output:
	// 5 <nil>
	// 10 <nil>
	// 5 <nil>
}
