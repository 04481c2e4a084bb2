extension Judge {
    /// The product's own sums agree with what its rows say, and every request is in one of them.
    mutating func judgeAccounting() {
        guard let database else { return }
        var counted: [String: [String: Int64]] = [:]
        for (key, requests) in database.requests {
            for request in requests {
                counted[key.org, default: [:]]["received", default: 0] += 1
                counted[key.org, default: [:]][column(of: request, database.cases[key]), default: 0] += 1
            }
        }
        for org in Set(counted.keys).union(database.accounting.keys).sorted() {
            let theirs = database.accounting[org]
            for column in DatabaseEvidence.accountingColumns {
                let (ours, stated) = (counted[org]?[column] ?? 0, theirs?.sums[column] ?? 0)
                guard ours != stated else { continue }
                findings.add(
                    .accounting, org: org, "the accounting says \(stated) \(column), and the requests are \(ours)",
                    theirs?.source ?? Source(file: Evidence.File.database, line: 0))
            }
        }
    }

    private func column(of request: DatabaseEvidence.Request, _ owner: DatabaseEvidence.Case?) -> String {
        switch request.outcome {
        case "": owner?.isFailed == true ? "failed" : "pending"
        case "ignored": request.rule == "observing" ? "observed" : "ignored"
        default: request.outcome
        }
    }

    /// I11: the queue of requests is empty, and what nobody can read is aside, with the reason.
    mutating func judgeQueues() {
        guard let queues else { return }
        if let waiting = queues.messages[QueueEvidence.requests], waiting.count > 0 {
            findings.add(.rest, "\(waiting.count) messages wait in \(QueueEvidence.requests)", waiting.source)
        }
        guard let database else { return }
        if let dead = queues.messages[QueueEvidence.dead], dead.count > 0, database.undecodable.isEmpty {
            findings.add(.queues, "\(dead.count) messages lie in \(QueueEvidence.dead) without a reason", dead.source)
        }
        // A reason may have gone with the rows; the message itself lies there then.
        if !evidence.allowances.rowsLost.isEmpty,
            queues.messages[QueueEvidence.dead].map({ $0.count >= queues.poison.count }) == true
        {
            return
        }
        let known = Set(database.undecodable)
        for poison in queues.poison {
            let hex = poison.beginning.utf8.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
            guard !known.contains(where: { $0.hasPrefix(hex) || (hex.hasPrefix($0) && !$0.isEmpty) }) else { continue }
            findings.add(
                .queues, "the message that begins with \(poison.beginning.prefix(40)) is gone without a word",
                poison.source)
        }
    }

    /// I9: a claim has one holder, and the case knows its newest claim.
    mutating func judgeAttempts() {
        guard let database else { return }
        for (key, attempts) in Dictionary(grouping: database.attempts.values, by: \.key) {
            guard let owner = database.cases[key] else {
                if let one = attempts.first {
                    findings.add(.oneLive, key, "an attempt is of a case that is not there", one.source)
                }
                continue
            }
            var holders: [Int64: String] = [:]
            for attempt in attempts.sorted(by: { $0.source.line < $1.source.line }) where attempt.isOfClaim {
                if let other = holders.updateValue(attempt.worker, forKey: attempt.epoch), other != attempt.worker {
                    findings.add(
                        .epochs, key, "claim \(attempt.epoch) was held by \(other) and by \(attempt.worker)",
                        attempt.source)
                }
                if attempt.epoch > owner.epoch {
                    findings.add(
                        .epochs, key, "claim \(attempt.epoch) was given out, and the case's newest is \(owner.epoch)",
                        attempt.source)
                }
            }
        }
    }

    /// I12: whoever failed is on the list and says why; so does every attempt that did.
    mutating func judgeFailures() {
        guard let database else { return }
        for (key, one) in database.cases where one.isFailed {
            if one.failureKind.isEmpty || one.failureCause.isEmpty || one.failureSummary.isEmpty || one.failed == nil
                || one.failureNumber < 1
            {
                findings.add(
                    .failures, key, "it has failed, and kind, cause, sentence, time or number is missing", one.source)
            }
            if !database.listed.contains(key) {
                findings.add(.failures, key, "it has failed, and is not on the list of failed cases", one.source)
            }
        }
        for attempt in database.attempts.values where ["retry", "failed"].contains(attempt.outcome) {
            if attempt.failureKind.isEmpty || attempt.failureCause.isEmpty || attempt.failureSummary.isEmpty {
                findings.add(
                    .failures, attempt.key,
                    "an attempt ended with \(attempt.outcome), and kind, cause or sentence is missing",
                    attempt.source)
            }
        }
    }

    /// I13: nothing is under way any more, and nothing waits for somebody who is gone.
    mutating func judgeRest() {
        guard let database else { return }
        for (key, one) in database.cases where one.isDue && one.changed < horizon {
            // What nobody wants any more is left to the agent who has it.
            if cic.cases[key]?.live.contains(where: { cic.incarnations[$0].isWithAgent }) == true { continue }
            findings.add(
                .rest, key, "revision \(one.revision) is wanted, and CIC was brought to \(one.applied)", one.source)
        }
        for (key, requests) in database.requests where database.cases[key]?.isFailed != true {
            for request in requests where request.outcome.isEmpty {
                guard let seen = request.seen, seen < horizon, database.cases[key]?.isDue == false else { continue }
                findings.add(
                    .rest, key, "its change \(request.key) was merged at \(Sentence.time(seen)) and has no outcome",
                    request.source)
            }
        }
        for one in database.unrest where one.since < horizon {
            findings.add(.rest, org: one.org, one.sentence, one.source)
        }
    }
}
