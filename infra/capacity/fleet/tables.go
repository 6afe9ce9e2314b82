package fleet

import "time"

// tables are DynamoDB's limits: write units a second of each account's partition
// key in the table of deliveries, and of each shard of the index.
type tables struct {
	accounts []time.Duration // when all that was written is
	shards   []time.Duration
	writes   float64
	// throttled counts writes that waited.
	throttled int
}

// maxAccounts bounds how many partitions are told apart.
const maxAccounts = 1 << 20

func newTables(l Load) tables {
	accounts := l.Webhooks/perAccount + l.Customer.Accounts + 1
	return tables{accounts: make([]time.Duration, min(accounts, maxAccounts)), shards: make([]time.Duration, indexShards)}
}

// wait returns how long a write of an account waits at now: a partition takes
// what a second allows at once, and then one after the other.
func (t *tables) wait(account uint32, now time.Duration) time.Duration {
	return max(0, t.accounts[int(account)%len(t.accounts)]-now-time.Second)
}

// write takes units of an account's partition, and returns how long the write
// waits. One that waits too long is not made.
func (t *tables) write(account uint32, now time.Duration, units int) time.Duration {
	return t.use(&t.accounts[int(account)%len(t.accounts)], now, units)
}

// index takes units of a shard of the index.
func (t *tables) index(record uint32, now time.Duration, units int) {
	t.use(&t.shards[record%indexShards], now, units)
}

func (t *tables) use(busy *time.Duration, now time.Duration, units int) time.Duration {
	wait := max(0, *busy-now-time.Second)
	if wait > 0 {
		t.throttled++
	}
	if wait <= writeTime {
		*busy = max(*busy, now) + time.Duration(units)*time.Second/partitionWrites
		t.writes += float64(units)
	}
	return wait
}
