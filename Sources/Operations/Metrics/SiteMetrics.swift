import CaseRouting

extension SiteStatus {
    /// The site's figures for `/metrics`. What can be compared with 0 is there also while it is 0, so that an alert can
    /// tell nothing wrong from nothing known.
    public var metrics: [MetricSample] {
        var samples: [MetricSample] = [
            MetricSample(.databaseAnswers, true), MetricSample(.siteAsOf, Self.seconds(asOf)),
            MetricSample(.findings, findings.count), MetricSample(.undecodable, undecodable),
        ]
        for org in orgs { samples += metrics(of: org) }
        for server in servers { samples += metrics(of: server) }
        for failure in failures { samples.append(MetricSample(.failed, ["cause": failure.cause], failure.cases)) }
        samples += holdMetrics
        samples += queueMetrics
        for role in ["ingest", "route", "serve", "all"] {
            samples.append(
                MetricSample(.workers, ["role": role], workers.count { $0.role == role && isAlive($0) }))
        }
        return samples
    }

    private static func seconds(_ time: Timestamp) -> Double { Double(time.microseconds) / 1_000_000 }

    private func age(_ time: Timestamp?) -> Double {
        time.map { max(0, Self.seconds(asOf) - Self.seconds($0)) } ?? 0
    }

    private func metrics(of org: Org) -> [MetricSample] {
        let today = org.today
        var samples = [
            MetricSample(.orgHeld, ["org": org.name], org.heldBy != nil),
            MetricSample(.gaps, ["org": org.name], org.openGaps),
            MetricSample(.oldestGap, ["org": org.name], age(org.oldestGapAt)),
            MetricSample(.writeBackFailing, ["org": org.name], org.writeBackFailing),
            MetricSample(.accounting, ["org": org.name], org.difference),
        ]
        let outcomes: KeyValuePairs<String, Int> = [
            "routed": today.routed, "ignored": today.ignored, "superseded": today.superseded, "failed": today.failed,
            "discarded": today.discarded, "pending": today.pending, "observed": today.observed,
        ]
        for (outcome, count) in outcomes {
            samples.append(MetricSample(.requests, ["org": org.name, "outcome": outcome], count))
        }
        if let time = org.lastEventAt {
            samples.append(MetricSample(.lastEvent, ["org": org.name], Self.seconds(time)))
        }
        if let time = org.lastSweepAt {
            samples.append(MetricSample(.lastSweep, ["org": org.name], Self.seconds(time)))
        }
        if let calls = org.calls {
            samples.append(MetricSample(.apiUsed, ["org": org.name], calls.used))
            samples.append(MetricSample(.apiLimit, ["org": org.name], calls.limit))
        }
        return samples
    }

    private func metrics(of server: Server) -> [MetricSample] {
        let cic = server.name
        let figures = server.figures?.figures
        return [
            MetricSample(.watched, ["cic": cic], server.watchedBy != nil),
            MetricSample(.oldestWaiting, ["cic": cic], age(server.oldestWaitingAt)),
            MetricSample(.waiting, ["cic": cic], figures?.waiting ?? 0),
            MetricSample(.withAgents, ["cic": cic], figures?.withAgents ?? 0),
            MetricSample(.inHolding, ["cic": cic], figures?.inHolding ?? 0),
            MetricSample(.due, ["cic": cic], server.due),
            MetricSample(.oldestDue, ["cic": cic], age(server.oldestDueAt)),
        ]
    }

    private var holdMetrics: [MetricSample] {
        let kinds = ["cic", "org", "workgroup"]
        let reasons = ["breaker", "switchover", "lost-rows", "paused"]
        return kinds.flatMap { kind in
            reasons.map { reason in
                MetricSample(
                    .holds, ["kind": kind, "reason": reason],
                    holds.count { $0.kind.rawValue == kind && $0.reason.rawValue == reason })
            }
        }
    }

    private var queueMetrics: [MetricSample] {
        guard case .found(let queues) = queues else { return [MetricSample(.brokerAnswers, false)] }
        return [MetricSample(.brokerAnswers, true)]
            + queues.flatMap { queue in
                guard let messages = queue.messages else { return [MetricSample]() }
                return [
                    MetricSample(.queueMessages, ["queue": queue.name], messages),
                    MetricSample(.queueConsumers, ["queue": queue.name], queue.consumers),
                ]
            }
    }
}
