extension Judge {
    /// I1: what somebody asked for is offered or was worked on; every row was marked.
    ///
    /// A case is **lost** when, where the ledgers end, it is open with something to work on (`SalesforceEvidence`), and nobody
    /// has it or has worked on it since it was asked for (`ServiceDue`). It is lost too when an outbox row of it was never
    /// marked as processed: then nobody can prove that the change was seen. Ended by anybody but an agent does not count as
    /// worked on. With a database, a case that is on the list of failed ones, or was discarded since, is not lost: people
    /// see it.
    mutating func judgeLoss() {
        for (key, state) in salesforce.cases {
            guard let due = ServiceDue(key, state, cic, places), !isVisiblyNotRouted(key, since: due.ask.at) else {
                continue
            }
            findings.add(.noLoss, key, Sentence.nobodyWorks(on: due), due.ask.source)
        }
        let passed = passedByCursors
        for id in salesforce.unmarked {
            guard let row = salesforce.rows[id], !passed.contains(id), !isVisiblyNotRouted(row.key, since: row.at)
            else { continue }
            findings.add(
                .noLoss, row.key, "its outbox row \(id) (\(row.change)) was never marked as processed", row.source)
        }
    }

    /// I1: one fact is one request, however it arrived.
    mutating func judgeRequests() {
        guard let database else { return }
        for (key, requests) in database.requests {
            var seen: [String: Source] = [:]
            for request in requests {
                if let other = seen.updateValue(request.source, forKey: request.key) {
                    findings.add(
                        .noLoss, key, "its change \(request.key) is two requests, the other in \(other)", request.source
                    )
                }
            }
            judgeAcknowledgement(key, requests, database)
        }
    }

    /// I7: a request that nobody has merged still has its message in the queue.
    ///
    /// A request that was taken too often fails its case without a merge; one that a person brought back is merged anew.
    private mutating func judgeAcknowledgement(
        _ key: CaseKey, _ requests: [DatabaseEvidence.Request], _ database: DatabaseEvidence
    ) {
        guard let waiting = queues?.messages[QueueEvidence.requests]?.count, waiting == 0, !evidence.allowances.purged,
            database.cases[key]?.isFailed != true, database.discards[key] == nil
        else { return }
        for request in requests where request.seen == nil && request.outcome.isEmpty && request.received < horizon {
            findings.add(
                .acknowledged, key,
                "its change \(request.key) has left the queue, and no worker has merged it", request.source)
        }
    }

    /// I5: rows whose event lies at or before the stored position of its channel, and of which no request exists.
    var passedByCursors: Set<String> { Set(passedEvents.map(\.event.row)) }

    var passedEvents: [(event: SalesforceEvidence.Event, row: SalesforceEvidence.Row)] {
        guard let database else { return [] }
        var passed: [(SalesforceEvidence.Event, SalesforceEvidence.Row)] = []
        for cursor in database.cursors {
            let channel = SalesforceEvidence.Channel(org: cursor.org, name: cursor.channel)
            for event in salesforce.events[channel] ?? [] where event.replay <= cursor.replay {
                guard let row = salesforce.rows[event.row], row.marked == nil, !mayBeMissing(row.at),
                    database.requests(of: event.row, row.key).isEmpty
                else { continue }
                passed.append((event, row))
            }
        }
        return passed
    }

    mutating func judgeCursors() {
        for (event, row) in passedEvents {
            findings.add(
                .cursor, row.key,
                "the stored position is behind event \(event.replay) of its row \(event.row), which is no request",
                event.source)
        }
    }

    /// I10: a row is marked when its request has an outcome.
    mutating func judgeRows() {
        guard let database else { return }
        for (id, row) in salesforce.rows {
            guard let marked = row.marked, marked.at < horizon, !mayBeMissing(row.at) else { continue }
            let requests = database.requests(of: id, row.key)
            let what = "its row \(id) (\(row.change)) was marked as processed at \(Sentence.time(marked.at))"
            guard let first = requests.min(by: { $0.received < $1.received }) else {
                findings.add(.mark, row.key, "\(what), and there is no request of it", marked.source)
                continue
            }
            // A person who brings back what was discarded takes the outcome away again.
            guard database.discards[row.key]?.contains(where: \.isRestored) != true else { continue }
            if first.outcome.isEmpty {
                findings.add(.mark, row.key, "\(what), and its request has no outcome", marked.source)
            } else if let finished = first.finished, finished > marked.at {
                findings.add(
                    .mark, row.key, "\(what), before its request had an outcome at \(Sentence.time(finished))",
                    marked.source)
            }
        }
    }
}
