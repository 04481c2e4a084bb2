import Foundation
import Synchronization

/// What people do in Salesforce during the demo: cases are made at an even rate, and each then lives one of several
/// stories, so that every kind of change of design 7 occurs, in every order that people make. A few ask for a skill that
/// is misspelt.
final class Workload: Sendable {
    /// What happens to a case after it was made. Every twentieth case lives the same story; half of them just wait for
    /// an agent.
    enum Story: CaseIterable {
        case commented, moved, withUser, emailed, reopened, closed, skilled, deleted, merged, answered
    }

    struct Progress: Sendable {
        var created = 0
        /// Everything that was changed, the creations included.
        var changes = 0
        /// Ids of cases that were made and then left alone, by org name.
        var untouched: [String: [String]] = [:]
    }

    /// One org as its people use it.
    struct Office: Sendable {
        let org: DemoSite.Org
        let integration: SalesforceUser
        let people: [(id: String, session: SalesforceUser)]
        /// Monitored queues, in the order of the mappings.
        let queues: [String]
        let unmonitored: String
    }

    /// The fewest cases in which every story is lived in every org.
    static let fewestCases = 40

    private let offices: [Office]
    private let cases: Int
    private let rate: Double
    private let state = Mutex(Progress())

    var progress: Progress { state.withLock { $0 } }

    init(offices: [Office], cases: Int, rate: Double) {
        self.offices = offices
        self.cases = cases
        self.rate = rate
    }

    /// Makes all cases and waits until every story is told.
    func run() async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<cases {
                try await Task.sleep(until: start + .seconds(Double(number) / rate))
                group.addTask { [self] in try await live(number) }
            }
            try await group.waitForAll()
        }
    }

    private func live(_ number: Int) async throws {
        let office = offices[number % offices.count]
        let turn = number / offices.count
        let queue = office.queues[turn / 20 % office.queues.count]
        let story = turn % 20 < Story.allCases.count ? Story.allCases[turn % 20] : nil
        let isMisspelt = turn % 40 == 12 || turn % 40 == 14
        let id = try await make(office, number, queue, skills: isMisspelt ? DemoSite.misspeltSkill : nil)
        guard let story else {
            state.withLock { $0.untouched[office.org.name, default: []].append(id) }
            return
        }
        try await tell(story, of: id, number, queue, office)
    }

    private func make(
        _ office: Office, _ number: Int, _ queue: String, skills: String? = nil
    ) async throws -> String {
        let id = try await office.integration.create(
            "Case",
            [
                "Subject": "Demo case \(number)", "Origin": "Web", "OwnerId": queue,
                "Priority": ["High", "Medium", "Low"][number % 3],
                "ObjectRouting_Skills__c": skills ?? (number % 4 == 0 ? "English;Billing" : ""),
            ])
        state.withLock {
            $0.created += 1
            $0.changes += 1
        }
        return id
    }

    private func tell(_ story: Story, of id: String, _ number: Int, _ queue: String, _ office: Office) async throws {
        let user = office.integration
        let person = office.people[number % office.people.count]
        let other = office.queues.first { $0 != queue } ?? queue
        switch story {
        case .commented:
            try await later(2) { _ = try await user.comment(on: id) }
            try await later(6) { _ = try await user.comment(on: id) }
        case .moved:
            try await later(1) { try await user.update("Case", id, ["OwnerId": other]) }
            try await later(4) { try await user.update("Case", id, ["OwnerId": office.unmonitored]) }
            try await later(2) { try await user.update("Case", id, ["OwnerId": queue]) }
        case .withUser:
            try await later(2) { try await user.update("Case", id, ["OwnerId": person.id]) }
            try await later(1) { _ = try await user.comment(on: id) }
            try await later(3) { try await user.update("Case", id, ["OwnerId": queue]) }
        case .emailed:
            try await later(2) { try await user.email(about: id, incoming: true) }
            try await later(4) { try await user.email(about: id, incoming: false) }
            try await later(3) { try await user.email(about: id, incoming: true) }
        case .reopened:
            try await later(3) { try await user.update("Case", id, ["Status": "Closed"]) }
            try await later(3) { try await user.update("Case", id, ["Status": "Working"]) }
        case .closed:
            try await later(2) { try await user.update("Case", id, ["Status": "Closed"]) }
            try await later(1) { _ = try await user.comment(on: id) }
        case .skilled:
            try await later(1) { try await user.update("Case", id, ["ObjectRouting_Skills__c": "German"]) }
        case .deleted:
            try await later(2) { try await user.delete("Case", id) }
        case .merged:
            let loser = try await make(office, number, queue)
            try await later(2) { try await user.merge(loser, into: id) }
        case .answered:
            try await later(1) { try await user.update("Case", id, ["OwnerId": person.id]) }
            try await later(2) { _ = try await person.session.comment(on: id) }
            try await later(3) { try await user.update("Case", id, ["OwnerId": other]) }
        }
    }

    /// Changes something after a pause of so many seconds, give or take a quarter.
    private func later(_ seconds: Double, _ change: () async throws -> Void) async throws {
        try await Task.sleep(for: .seconds(seconds * Double.random(in: 0.75...1.25)))
        try await change()
        state.withLock { $0.changes += 1 }
    }
}
