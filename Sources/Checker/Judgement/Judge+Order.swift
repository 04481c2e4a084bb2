extension Judge {
    /// I6: what was applied to a case follows its changes.
    ///
    /// Three things show it. What the database holds of a case at the end is what Salesforce committed last, as far as
    /// somebody is to be offered it. Where its interactions were moved is a walk through its owners that never turns back,
    /// and never goes where the case had not been yet. And the number of the wish on one interaction never falls, nor does
    /// the revision from claim to claim.
    mutating func judgeOrder() {
        for (key, state) in salesforce.cases {
            if let database, let held = database.cases[key] { judgeHeld(held, key, state, database) }
            judgeMoves(key, state)
        }
        for (key, state) in cic.cases {
            if let fell = state.numberFell {
                findings.add(
                    .order, key, "the number of its wish on one interaction fell from \(fell.from) to \(fell.to)",
                    fell.source)
            }
        }
        judgeRevisions()
    }

    private mutating func judgeHeld(
        _ held: DatabaseEvidence.Case, _ key: CaseKey, _ state: SalesforceEvidence.CaseState,
        _ database: DatabaseEvidence
    ) {
        guard let last = state.versions.last, last.at < horizon, !held.owner.isEmpty else { return }
        // Who has the case decides where its owner is offered what comes in. Users' cases are compared by nobody.
        let isMonitored =
            last.isOpen
            && (places.place(org: key.org, queue: last.owner) != nil
                || state.ask != nil && last.isTold && places.ownQueue(org: key.org, user: last.owner) != nil)
        let isHeldMonitored = !held.isClosed && places.place(org: key.org, queue: held.owner) != nil
        // Elsewhere a change that no row told of concerns nobody. What is not merged yet is no order.
        guard isMonitored || isHeldMonitored, database.requests[key]?.contains(where: { $0.seen == nil }) != true
        else { return }
        func differs(_ what: String, _ ours: String, _ theirs: String) {
            findings.add(
                .order, key,
                "the database holds \(what) \(ours), and since \(Sentence.time(last.at)) Salesforce has \(theirs)",
                held.source)
        }
        if held.isClosed != !last.isOpen {
            differs("it", held.isClosed ? "closed" : "open", last.isOpen ? "it open" : "it closed")
        } else if held.owner != last.owner {
            differs("owner", held.owner, last.owner)
        } else if held.skills != last.skills {
            differs("skills", "\"\(held.skills)\"", "\"\(last.skills)\"")
        }
    }

    /// The owners that the case had, walked through by the places its interactions were moved to, anew after a loss
    /// of rows; and to the own queue of one
    /// of them it goes only when somebody writes.
    private mutating func judgeMoves(_ key: CaseKey, _ state: SalesforceEvidence.CaseState) {
        // What a sweep has observed may be overwritten by an older row that comes later, until it is observed again.
        guard database?.requests[key]?.contains(where: { $0.change == "observed" }) != true else { return }
        var version = 0
        var losses = evidence.allowances.rowsLost[...]
        for move in cic.cases[key]?.placements ?? [] {
            // What the database forgot is read again, and walked again.
            while let loss = losses.first, loss <= move.at {
                losses.removeFirst()
                version = 0
            }
            func belongs(_ one: SalesforceEvidence.Version) -> Bool {
                places.place(org: key.org, queue: one.owner) == move.place
                    || places.ownQueue(org: key.org, user: one.owner) == move.place
            }
            let match = state.versions[version...].firstIndex { $0.at <= move.at && belongs($0) }
            guard let match else {
                let earlier = state.versions[..<version].contains(where: belongs)
                findings.add(
                    .order, key,
                    "at \(Sentence.time(move.at)) it was moved to \(move.place.server)/\(move.place.workgroup), where it "
                        + (earlier ? "had been before, and its last move was newer" : "had never been"), move.source)
                return
            }
            version = match
            // It may be where the cases of a queue go as well.
            let isMonitored = state.versions[match...].contains {
                $0.at <= move.at && places.place(org: key.org, queue: $0.owner) == move.place
            }
            if !isMonitored, state.firstContact.map({ $0 > move.at }) ?? true {
                findings.add(
                    .order, key,
                    "at \(Sentence.time(move.at)) it was moved to \(move.place.server)/\(move.place.workgroup), its owner's own "
                        + "queue, and nobody had written about it", move.source)
            }
        }
    }

    private mutating func judgeRevisions() {
        guard let database else { return }
        for (key, attempts) in Dictionary(grouping: database.attempts.values.filter(\.isOfClaim), by: \.key) {
            let inOrder = attempts.sorted { ($0.epoch, $0.started) < ($1.epoch, $1.started) }
            for (before, after) in zip(inOrder, inOrder.dropFirst()) where after.revision < before.revision {
                findings.add(
                    .order, key,
                    "claim \(after.epoch) acted on revision \(after.revision), after claim \(before.epoch) on \(before.revision)",
                    after.source)
            }
        }
    }
}
