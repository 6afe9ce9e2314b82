package sqlite

import (
	"fmt"

	"zombiezen.com/go/sqlite"
)

// applicationID marks the file as Hookline's ("Hkln"), as file(1) and PRAGMA
// application_id show it.
const applicationID = 0x486b6c6e

// migrations returns the steps from each version of the schema to the next. The
// file's PRAGMA user_version is how many of them have been applied. Released
// steps never change; new ones are appended.
//
// Times are milliseconds since 1970 in UTC, or NULL.
func migrations() []string {
	return []string{
		firstSchema, deliverySchema, statusSchema, idSchema, attemptSchema, stateSchema, closingSchema, slowSchema,
		wholeSchema, noticeSchema, testSchema, portalSchema,
	}
}

const firstSchema = `
CREATE TABLE webhook (
	dialect      TEXT NOT NULL,
	account      TEXT NOT NULL,
	event        TEXT NOT NULL,
	id           TEXT NOT NULL,
	claim        TEXT NOT NULL,
	url          TEXT NOT NULL,
	send_payload INTEGER NOT NULL,
	position     INTEGER NOT NULL,
	sealed_key   BLOB,
	retired_keys TEXT, -- JSON: see encodeRetired
	disabled     INTEGER NOT NULL,
	version      INTEGER NOT NULL,
	created_at   INTEGER NOT NULL,
	updated_at   INTEGER,
	last_sent_at    INTEGER,
	last_failed_at  INTEGER,
	failed_attempts INTEGER NOT NULL,
	PRIMARY KEY (dialect, account, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
	dialect    TEXT NOT NULL,
	id         TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	closing    INTEGER NOT NULL,
	sealed_key BLOB,
	PRIMARY KEY (dialect, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
	hash       BLOB NOT NULL PRIMARY KEY,
	dialect    TEXT NOT NULL,
	account    TEXT NOT NULL,
	id         TEXT NOT NULL,
	rights     INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER,
	UNIQUE (dialect, account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sealing_key (
	id              TEXT NOT NULL PRIMARY KEY,
	public          BLOB NOT NULL,
	wrapped_private BLOB,
	created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
	dialect      TEXT NOT NULL,
	account      TEXT NOT NULL,
	time         INTEGER NOT NULL,
	event        TEXT NOT NULL,
	event_id     TEXT NOT NULL,
	number       INTEGER NOT NULL,
	instance     TEXT NOT NULL,
	webhook_id   TEXT NOT NULL,
	url          TEXT NOT NULL,
	accepted_at  INTEGER NOT NULL,
	attempts     INTEGER NOT NULL,
	attempted_at INTEGER,
	status       INTEGER NOT NULL,
	active       INTEGER NOT NULL,
	PRIMARY KEY (dialect, account, time, event, event_id)
) STRICT, WITHOUT ROWID;
`

// deliverySchema adds deliveries.
const deliverySchema = `
ALTER TABLE webhook ADD COLUMN disabled_reason TEXT NOT NULL DEFAULT '';

-- No version has written into the former one.
DROP TABLE delivery;

CREATE TABLE delivery (
	row          INTEGER PRIMARY KEY, -- ascending as they are accepted
	dialect      TEXT NOT NULL,
	account      TEXT NOT NULL,
	id           BLOB NOT NULL, -- the 22 bytes of its hex digits
	time         INTEGER NOT NULL,
	event        TEXT NOT NULL,
	event_id     TEXT NOT NULL,
	number       INTEGER NOT NULL,
	instance     TEXT NOT NULL,
	content      TEXT NOT NULL,
	payload      BLOB, -- if it is small; NULL too where there is none
	webhook_id   TEXT NOT NULL,
	url          TEXT NOT NULL,
	accepted_at  INTEGER NOT NULL,
	attempts     INTEGER NOT NULL,
	attempted_at INTEGER,
	status       INTEGER NOT NULL,
	active       INTEGER NOT NULL,
	next         INTEGER,
	due          INTEGER,
	sends        INTEGER NOT NULL,
	status_code  INTEGER NOT NULL,
	reason       TEXT NOT NULL,
	UNIQUE (dialect, account, id)
) STRICT;

CREATE INDEX delivery_due ON delivery (due) WHERE due IS NOT NULL;

-- Payloads that an update of the delivery should not have to write again.
CREATE TABLE payload (
	delivery INTEGER PRIMARY KEY, -- its row
	bytes    BLOB NOT NULL
) STRICT;
`

// statusSchema stores the status of a delivery as the text of [webhook.Status].
// Before, it was a number: 0 for never attempted, 1 for failed or cancelled, 2
// for delivered, next to a mark that another attempt was to come. The reasons
// of cancelled deliveries, and of no others, began with "cancelled: ".
const statusSchema = `
ALTER TABLE delivery ADD COLUMN status_name TEXT NOT NULL DEFAULT '';
UPDATE delivery SET status_name = CASE
	WHEN status = 0 THEN 'pending'
	WHEN status = 2 THEN 'delivered'
	WHEN active THEN 'retrying'
	WHEN substr(reason, 1, 11) = 'cancelled: ' THEN 'cancelled'
	ELSE 'failed' END;
ALTER TABLE delivery DROP COLUMN status;
ALTER TABLE delivery DROP COLUMN active;
ALTER TABLE delivery RENAME COLUMN status_name TO status;
`

// idSchema finds and counts webhooks by id.
const idSchema = `CREATE INDEX webhook_id ON webhook (dialect, account, id);`

// attemptSchema adds how long an attempt took, and what is kept of those that
// failed.
const attemptSchema = `
ALTER TABLE delivery ADD COLUMN duration INTEGER NOT NULL DEFAULT 0; -- milliseconds, of the latest attempt

CREATE TABLE attempt (
	delivery    INTEGER NOT NULL, -- its row
	number      INTEGER NOT NULL,
	at          INTEGER NOT NULL,
	duration    INTEGER NOT NULL, -- milliseconds
	status_code INTEGER NOT NULL,
	reason      TEXT NOT NULL,
	response    BLOB,
	PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
`

// stateSchema adds since when a webhook works, fails or is disabled, and finds
// those that fail or are disabled.
const stateSchema = `
ALTER TABLE webhook ADD COLUMN state_since INTEGER; -- of the statistics
ALTER TABLE webhook ADD COLUMN last_status INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook ADD COLUMN disabled_at INTEGER;
UPDATE webhook SET state_since = last_failed_at WHERE failed_attempts > 0;
UPDATE webhook SET disabled_at = coalesce(updated_at, created_at) WHERE disabled;
CREATE INDEX webhook_failing ON webhook (dialect, iif(disabled, disabled_at, state_since), account, event)
	WHERE disabled OR failed_attempts > 0;
`

// closingSchema adds the time since which an account is closing. Those that
// are closing already have none.
const closingSchema = `
ALTER TABLE account ADD COLUMN closing_since INTEGER;
CREATE INDEX account_closing ON account (dialect, id) WHERE closing;
`

// slowSchema adds [webhook.Webhook.SlowSince].
const slowSchema = `ALTER TABLE webhook ADD COLUMN slow_since INTEGER;`

// noticeSchema adds what the operator is to be told, and what was told.
const noticeSchema = `
ALTER TABLE webhook ADD COLUMN told INTEGER NOT NULL DEFAULT 0; -- the bits of Told

CREATE TABLE notice (
	id          TEXT NOT NULL PRIMARY KEY,
	type        TEXT NOT NULL,
	at          INTEGER NOT NULL,
	dialect     TEXT NOT NULL,
	account     TEXT NOT NULL,
	webhook_id  TEXT NOT NULL,
	events      TEXT NOT NULL, -- a JSON array
	state_since INTEGER NOT NULL,
	last_status INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

// testSchema adds [webhook.Delivery.Test].
const testSchema = `ALTER TABLE delivery ADD COLUMN test INTEGER NOT NULL DEFAULT 0;`

// portalSchema adds links and sessions of the portal. The operator's epoch is
// that of the account without API and id.
const portalSchema = `
ALTER TABLE account ADD COLUMN portal_epoch INTEGER NOT NULL DEFAULT 0;

CREATE TABLE portal_pass (
	hash       BLOB NOT NULL PRIMARY KEY,
	kind       TEXT NOT NULL, -- link or session
	dialect    TEXT NOT NULL, -- empty for the operator's, as is the account
	account    TEXT NOT NULL,
	account_created_at INTEGER,
	epoch      INTEGER NOT NULL,
	rights     INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	lasts      INTEGER NOT NULL -- milliseconds of the session that a link begins
) STRICT, WITHOUT ROWID;
`

// identity is what a database file says about itself.
type identity struct {
	application, version int64
	empty                bool // has no tables
}

// identify reads a file's identity without changing the file.
func identify(conn *sqlite.Conn) (identity, error) {
	return one(conn, `SELECT a.application_id, v.user_version, NOT EXISTS (SELECT 1 FROM sqlite_schema)
		FROM pragma_application_id AS a, pragma_user_version AS v`,
		func(r *row) (identity, error) {
			return identity{application: r.int(), version: r.int(), empty: r.bool()}, nil
		})
}

// check rejects the database of another application or of a newer version.
func (id identity) check() error {
	fresh := id.application == 0 && id.empty
	if id.application != applicationID && !fresh {
		return errForeign
	}
	if newest := int64(len(migrations())); id.version > newest && !fresh {
		return fmt.Errorf("%w: it has version %d, this program knows up to %d", errNewer, id.version, newest)
	}
	return nil
}

// isOlder reports whether an earlier version wrote the file.
func (id identity) isOlder() bool {
	return id.application == applicationID && id.version < int64(len(migrations()))
}

// migrate updates the schema to the newest version, all steps or none. It holds
// the write lock from the start, so that one of several processes migrates and
// the others find the file migrated.
func migrate(conn *sqlite.Conn) (err error) {
	if err := whenFree(func() error { return script(conn, "BEGIN IMMEDIATE") }); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// An error here is irrelevant: the connection is closed anyway.
			_ = script(conn, "ROLLBACK")
		}
	}()
	id, err := identify(conn)
	if err != nil {
		return err
	}
	if err := id.check(); err != nil {
		return err
	}
	steps := migrations()
	if id.application == applicationID && id.version == int64(len(steps)) {
		// BEGIN IMMEDIATE does not fail on a read-only file, but this does.
		return script(conn, "DELETE FROM account WHERE false; COMMIT")
	}
	from := id.version
	if id.empty {
		from = 0
	}
	for _, step := range steps[from:] {
		if err := script(conn, step); err != nil {
			return err
		}
	}
	stats := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps))
	if err := script(conn, stats); err != nil {
		return err
	}
	return script(conn, "COMMIT")
}
