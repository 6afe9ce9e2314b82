-- A database of schema version 2, as it was written then.
CREATE TABLE account (
	dialect    TEXT NOT NULL,
	id         TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	closing    INTEGER NOT NULL,
	sealed_key BLOB,
	PRIMARY KEY (dialect, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "account" VALUES('squake','acme',1772625600000,0,NULL);
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
INSERT INTO "delivery" VALUES(1,'squake','acme',X'019CB8B81E00CB2746E7A633365FD67181DD467341BB',1772625600000,'order','pending',0,'','c',X'7B226E223A317D','w1','https://receiver.example/in',1772625600000,0,NULL,0,1,1772625600000,1772625720000,0,0,'');
INSERT INTO "delivery" VALUES(2,'squake','acme',X'019CB8B81E00FB8AEBB7A4E778D9567EC1FAD5845C0B',1772625600000,'order','retrying',0,'','c',NULL,'w1','https://receiver.example/in',1772625600000,1,1772625601000,1,1,1772629200000,1772629200000,1,500,'answered 500');
INSERT INTO "delivery" VALUES(3,'squake','acme',X'019CB8B81E001F3F79BE5002392CE67FA8E11E47BB90',1772625600000,'order','delivered',0,'','c',X'31','w1','https://receiver.example/in',1772625600000,1,1772625601000,2,0,NULL,NULL,0,204,'');
INSERT INTO "delivery" VALUES(4,'squake','acme',X'019CB8B81E00F9250EB227D10B8BA1C7DDEEF64C1A06',1772625600000,'order','repeated',0,'','c',X'31','w1','https://receiver.example/in',1772625600000,1,1772625601000,2,1,1772629200000,1772629200000,0,204,'');
INSERT INTO "delivery" VALUES(5,'squake','acme',X'019CB8B81E00F14770C80B358DA29D5BE6BB3C5C8C60',1772625600000,'order','failed',0,'','c',X'31','w1','https://receiver.example/in',1772625600000,1,1772625601000,1,0,NULL,NULL,0,410,'answered 410');
INSERT INTO "delivery" VALUES(6,'squake','acme',X'019CB8B81E003A735F3A0AA28FBF84ACBA664B280B18',1772625600000,'order','given up',0,'','c',X'31','w1','https://receiver.example/in',1772625600000,1,1772625601000,1,0,NULL,NULL,0,0,'given up after 6 days');
INSERT INTO "delivery" VALUES(7,'squake','acme',X'019CB8B81E00E21515E9C3AACC5872219D406E434A3A',1772625600000,'order','cancelled',0,'','c',X'31','w1','https://receiver.example/in',1772625600000,0,NULL,1,0,NULL,NULL,0,0,'cancelled: the webhook is disabled');
INSERT INTO "delivery" VALUES(8,'squake','acme',X'019CB8B81E00F6465B0382D5CDD20EF6BAB2DD27B0EB',1772625600000,'order','cancelled later',0,'','c',X'31','w1','https://receiver.example/in',1772625600000,1,1772625601000,1,0,NULL,NULL,0,500,'cancelled: the account was deleted');
CREATE TABLE payload (
	delivery INTEGER PRIMARY KEY, -- its row
	bytes    BLOB NOT NULL
) STRICT;
INSERT INTO "payload" VALUES(2,X'22787822');
CREATE TABLE sealing_key (
	id              TEXT NOT NULL PRIMARY KEY,
	public          BLOB NOT NULL,
	wrapped_private BLOB,
	created_at      INTEGER NOT NULL
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
INSERT INTO "token" VALUES(X'0000000000000000000000000000000000000000000000000000000000000000','squake','acme','t1',2,1772625600000,NULL);
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
	failed_attempts INTEGER NOT NULL, disabled_reason TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (dialect, account, event)
) STRICT, WITHOUT ROWID;
INSERT INTO "webhook" VALUES('squake','acme','order','w1','c1','https://receiver.example/in',0,0,X'7365616C6564',NULL,0,1,1772625600000,NULL,NULL,NULL,0,'');
CREATE INDEX delivery_due ON delivery (due) WHERE due IS NOT NULL;
PRAGMA application_id = 1214999662;
PRAGMA user_version = 2;
