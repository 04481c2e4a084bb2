/// Times and sizes of the conversation with a CIC server. Constants of the protocol; tests use smaller ones.
struct CICLimits: Sendable {
    /// One call of the port, whatever it takes; the protocol's deadline.
    var call: Duration = .seconds(10)
    /// Between two polls for messages; ICWS's own example, `icws.md` 2.5.
    var poll: Duration = .seconds(1)
    /// Between two heartbeats while an event stream is open; the idle time-out of a session is not documented.
    var heartbeat: Duration = .seconds(25)
    /// Longest silence of an event stream. Servers send `:ping` lines.
    var streamSilence: Duration = .seconds(60)
    /// A stream that breaks sooner counts as broken at once; so many in a row, and the session is polled.
    var shortStream: Duration = .seconds(20)
    var shortStreams = 3
    /// Between two rounds through the hosts: doubled from the first to the longest, with jitter. The official example
    /// takes 15 s.
    var firstRound: Duration = .milliseconds(500)
    var longestRound: Duration = .seconds(15)
    /// After the login was refused: tries lock accounts.
    var refusedRound: Duration = .seconds(60)
    /// Hosts tried in one round.
    var hostsPerRound = 16
    /// Failed readings of messages in a row before the session counts as lost.
    var failedReadings = 2
    /// Longest answer but for messages and lists.
    var answerBytes = 1 << 20
    /// Longest answer with messages, and longest single event: a full listing of 100,000 interactions has 50 MB.
    var messageBytes = 64 << 20
    /// One page of a configuration list.
    var listBytes = 8 << 20
    /// How long an interaction that this connection created is known to be ours without asking.
    var freshness: Duration = .seconds(30)
    /// How long names that were just read are good enough to refuse others by.
    var namesFreshness: Duration = .seconds(10)
    /// The longest `InteractionFeed.next` waits.
    var next: Duration = .seconds(30)
    /// How long a session stays with a server that is not the one in force, before another host is tried: the watch takes up to
    /// a lease of 30 s to write down that it is.
    var deposed: Duration = .seconds(45)
    /// Before a queue that could not be followed is tried again.
    var unreadableRetry: Duration = .seconds(30)
}
