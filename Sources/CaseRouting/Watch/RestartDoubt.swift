/// A session has begun with the server that was known, after a silence long enough for a restart.
///
/// A restarted server has lost every interaction, and what waited there has to be offered again; an interaction that
/// agents finished during the silence must not. CIC tells nobody that it was restarted. What tells is that it knows
/// nothing from before.
struct RestartDoubt {
    /// When the session began.
    let since: Duration
    /// When the server told something last. What is alive and had come before that proves that it was not restarted; what
    /// came in between may have come after a restart.
    let silentSince: Duration
    /// What was known before and is not any more. What is there twice was seen first, and then read from its row, which
    /// says less.
    var missing: [(InteractionID, InteractionMirror.Entry)] = []

    /// CIC takes minutes to start: in less it cannot have been restarted. And a watch that was killed has a successor in
    /// less: 11 s since it left its last mark, 30 s of its lease, 6 s until another asks for that, and a session. What
    /// agents finish in that time is no reason to ask.
    static let shortestSilence: Duration = .seconds(60)
    /// So many that are missing, and none that is not, are enough.
    static let proof = 200
}

extension InteractionMirror {
    /// The server knows this interaction. If it did so in an earlier session, it was not restarted since, and what is
    /// missing has ended.
    mutating func stands(_ interaction: InteractionID) {
        guard let doubt, let entry = entries[interaction], entry.since < doubt.since else { return }
        if entry.since > doubt.silentSince {
            isOfThisSession(interaction, since: doubt.since)
        } else {
            settleDoubt()
        }
    }

    /// The same of one that was placed then, as the database has it.
    mutating func stands(since placed: Duration) {
        if let doubt, placed <= doubt.silentSince { settleDoubt() }
    }

    /// What is missing has ended.
    mutating func settleDoubt() {
        guard let doubt else { return }
        self.doubt = nil
        ends += doubt.missing.map { Self.end($0, $1, .ended) }
    }

    /// Whether the server was restarted, as far as is known: of what was offered before, and it was not little or all of
    /// it was looked for, nothing is known to it any more.
    mutating func findsRestart() -> Bool {
        guard isComplete, let doubt else { return false }
        let isLookedFor = doubt.missing.count >= RestartDoubt.proof || !entries.contains { $1.since < doubt.since }
        guard isLookedFor else { return false }
        guard doubt.missing.contains(where: { !$1.isWithAgent }) else {
            settleDoubt()
            return false
        }
        return true
    }

    /// The server was restarted: what was known of it is no longer, and is returned as it was seen last.
    mutating func forgetRestarted() -> [AttemptID: Entry] {
        guard let doubt else { return [:] }
        self.doubt = nil
        var seen: [AttemptID: Entry] = [:]
        for (_, entry) in doubt.missing { seen[entry.attempt] = seen[entry.attempt] ?? entry }
        for (interaction, entry) in entries.filter({ $1.since < doubt.since }) {
            seen[entry.attempt] = entry
            forget(interaction)
        }
        return seen
    }
}
