import Foundation
import ProtocolSimulation
import Synchronization

/// What people do in Salesforce during a campaign.
final class CampaignWorkload: Sendable {
    private struct Progress {
        var created = 0
        var changes = 0
        var poison: [String] = []
        /// Cases with a misspelt skill: nobody is offered them before an administrator has mended it.
        var misspelt: Set<String> = []
        var isStopped = false
    }

    /// Seconds between two cases that are made until the last fault is over.
    private static let followingPause = 0.5

    let offices: [Workload.Office]
    private let broker: BrokerDoor
    private let seed: UInt64
    private let state = Mutex(Progress())

    init(offices: [Workload.Office], broker: BrokerDoor, seed: UInt64) {
        self.offices = offices
        self.broker = broker
        self.seed = seed
    }

    var created: Int { state.withLock { $0.created } }
    var changes: Int { state.withLock { $0.changes } }
    /// Messages that nobody can read and that were sent to the queue of requests.
    var poison: [String] { state.withLock { $0.poison } }
    /// By the first 15 characters of their ids.
    var misspelt: Set<String> { state.withLock { $0.misspelt } }

    /// Makes so many cases at an even rate, more until it is told that nothing will be broken any more, and waits until
    /// every life is lived.
    func run(cases: Int, within seconds: Double) async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<cases {
                try await Task.sleep(until: start + .seconds(seconds * Double(number) / Double(cases)))
                group.addTask { [self] in try await live(number) }
            }
            var number = cases
            while !state.withLock({ $0.isStopped }) {
                try await Task.sleep(for: .seconds(Self.followingPause))
                group.addTask { [self, number] in try await live(number) }
                number += 1
            }
            try await group.waitForAll()
        }
    }

    /// Nothing will be broken any more.
    func stop() { state.withLock { $0.isStopped = true } }

    /// A case of its own for every CIC server, and for the org that was struck, to see whether it is offered.
    ///
    /// - Returns: the ids' first 15 characters.
    func makeCanaries(of org: String) async throws -> [String] {
        var made: [String] = []
        var places = [(0, 0), (offices.count - 1, 1)]
        if let struck = offices.firstIndex(where: { $0.org.name == org }), !places.contains(where: { $0.0 == struck }) {
            places.append((struck, 0))
        }
        for (office, queue) in places {
            let office = offices[office % offices.count]
            made.append(String(try await make(office, office.queues[queue % office.queues.count], "").prefix(15)))
        }
        return made
    }

    /// Makes cases that wait on the first server, and leaves them alone.
    func makeWaiting(_ cases: Int) async throws {
        for _ in 0..<cases { _ = try await make(offices[0], offices[0].queues[0], "") }
    }

    private func live(_ number: Int) async throws {
        var life = CaseLife(seed: seed, number: number)
        let office = offices[number % offices.count]
        let isMisspelt = number % 50 == 7
        // Only the first server knows skills.
        let queue = office.queues[isMisspelt ? 0 : life.index(of: office.queues.count)]
        let others = office.queues.filter { $0 != queue }
        let other = others.isEmpty ? queue : others[life.index(of: others.count)]
        var person = life.index(of: office.people.count)
        let skills = isMisspelt ? DemoSite.misspeltSkill : life.skills()
        if life.chance(0.01) || number % 100 == 50 { await poison(&life) }
        try await disturb(office, &life)
        let isUsers = !isMisspelt && life.beginsWithUser()
        let id = try await make(office, isUsers ? office.people[person].id : queue, skills)
        for _ in 0..<life.steps() {
            try await Task.sleep(for: .seconds(life.pause()))
            guard let step = life.next() else { return }
            try await disturb(office, &life)
            if step == .handOn { person = (person + 1) % office.people.count }
            try await tell(step, id, office, (queue, other), office.people[person])
            state.withLock { $0.changes += 1 }
        }
    }

    /// One message in a hundred cannot be used.
    private func poison(_ life: inout CaseLife) async {
        do {
            let body = Poison.bodies[life.index(of: Poison.bodies.count)]
            try await broker.publish(body, to: "caserouter.requests")
            state.withLock { $0.poison.append(body) }
        } catch {
            // The broker is being broken at this moment.
        }
    }

    /// One event in twenty is sent twice, one in twenty after its successor.
    private func disturb(_ office: Workload.Office, _ life: inout CaseLife) async throws {
        let control = Control(port: office.org.port)
        if life.chance(0.05) { try await control.post("faults", ["duplicateEvents": 1]) }
        if life.chance(0.05) { try await control.post("faults", ["reorderEvents": 1]) }
    }

    private func make(_ office: Workload.Office, _ owner: String, _ skills: String) async throws -> String {
        let id = try await office.integration.create(
            "Case",
            [
                "Subject": "Campaign case", "Origin": "Web", "OwnerId": owner, "Priority": "Medium",
                "ObjectRouting_Skills__c": skills,
            ])
        state.withLock {
            $0.created += 1
            $0.changes += 1
            if skills == DemoSite.misspeltSkill { $0.misspelt.insert(String(id.prefix(15))) }
        }
        return id
    }

    private func tell(
        _ step: CaseLife.Step, _ id: String, _ office: Workload.Office, _ queues: (own: String, other: String),
        _ person: (id: String, session: SalesforceUser)
    ) async throws {
        let user = office.integration
        switch step {
        case .comment: _ = try await user.comment(on: id)
        case .emailIn: try await user.email(about: id, incoming: true)
        case .emailOut: try await user.email(about: id, incoming: false)
        case .reply: _ = try await person.session.comment(on: id)
        case .move: try await user.update("Case", id, ["OwnerId": queues.other])
        case .toUser, .handOn: try await user.update("Case", id, ["OwnerId": person.id])
        case .toUnmonitored: try await user.update("Case", id, ["OwnerId": office.unmonitored])
        case .backToQueue: try await user.update("Case", id, ["OwnerId": queues.own])
        case .skills: try await user.update("Case", id, ["ObjectRouting_Skills__c": "German"])
        case .close: try await user.update("Case", id, ["Status": "Closed"])
        case .reopen: try await user.update("Case", id, ["Status": "Working"])
        case .delete: try await user.delete("Case", id)
        case .undelete: try await user.undelete(id)
        case .merge: try await user.merge(try await make(office, queues.own, ""), into: id)
        }
    }
}
