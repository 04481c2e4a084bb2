import Foundation
import HTTPClient
import Polling

/// Makes the cases of a benchmark in Salesforce: evenly at a rate, or as many at a time as the path is behind.
actor CaseMaker {
    /// Cases made by one call when there is no rate: the largest that Salesforce takes.
    private static let perCall = 200
    /// Up to this rate every case is a call of its own, as in life.
    private static let singleRate = 500.0
    /// Calls under way at a time.
    private static let calls = 4

    private let loop: PollExecutor
    private let transport: HTTPTransport
    private let offices: [Workload.Office]
    private let headers: [HTTPHeaders]
    private(set) var made = 0
    /// Of them, and of what else is asked of Salesforce's API here.
    private(set) var apiCalls = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Makes cases in these offices for the time of `body`.
    static func with<Value: Sendable>(
        _ offices: [Workload.Office], _ body: (CaseMaker) async throws -> Value
    ) async throws -> Value {
        let maker = CaseMaker(offices)
        do {
            let value = try await body(maker)
            await maker.close()
            return value
        } catch {
            await maker.close()
            throw error
        }
    }

    private init(_ offices: [Workload.Office]) {
        loop = PollExecutor(name: "cases")
        transport = HTTPTransport(on: loop, settings: .init(connectionsPerHost: 64))
        self.offices = offices
        headers = offices.map {
            ["Content-Type": "application/json", "Authorization": "Bearer \($0.integration.token)"]
        }
    }

    /// Makes so many cases as fast as Salesforce takes them, but only while fewer than `ahead` are not routed yet.
    func make(_ count: Int, ahead: Int, routed: @Sendable () async throws -> Int) async throws {
        let (begun, routedBefore) = (made, try await routed())
        try await withThrowingTaskGroup(of: Void.self) { group in
            var open = 0
            var asked = 0
            while asked < count {
                while asked < count, asked - (try await routed() - routedBefore) >= ahead {
                    try await Task.sleep(for: .milliseconds(20))
                }
                if open == Self.calls {
                    try await group.next()
                    open -= 1
                }
                let size = min(Self.perCall, count - asked)
                let first = begun + asked
                group.addTask { try await self.make(first, size) }
                asked += size
                open += 1
            }
            try await group.waitForAll()
        }
    }

    /// Makes so many cases evenly.
    func make(_ count: Int, rate: Double) async throws {
        let size = rate <= Self.singleRate ? 1 : max(1, Int(rate / 100))
        let (begun, start) = (made, ContinuousClock.now)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in stride(from: 0, to: count, by: size) {
                try await Task.sleep(until: start + .seconds(Double(first) / rate))
                group.addTask { try await self.make(begun + first, min(size, count - first)) }
            }
            try await group.waitForAll()
        }
    }

    private func close() async { await transport.close() }

    private func make(_ first: Int, _ count: Int) async throws {
        let index = first / Self.perCall % offices.count
        let office = offices[count == Self.perCall ? index : first % offices.count]
        let headers = headers[count == Self.perCall ? index : first % offices.count]
        let path: String
        let body: String
        if count == 1 {
            path = "sobjects/Case"
            body = "{\(Self.fields(first, office))}"
        } else {
            path = "composite/sobjects"
            let records = (first..<(first + count)).map {
                "{\"attributes\":{\"type\":\"Case\"},\(Self.fields($0, office))}"
            }
            body = "{\"allOrNone\":true,\"records\":[\(records.joined(separator: ","))]}"
        }
        apiCalls += 1
        let answer = try await transport.send(
            HTTPRequest(
                .post, "\(office.integration.base)/services/data/\(SalesforceUser.version)/\(path)", headers: headers,
                body: Array(body.utf8)))
        guard (200..<300).contains(answer.status) else {
            throw RunFailure(
                "Salesforce answered \(answer.status): \(String(decoding: answer.body.prefix(300), as: UTF8.self))")
        }
        made += count
    }

    private static func fields(_ number: Int, _ office: Workload.Office) -> String {
        let skills = number % 4 == 0 ? "English;Billing" : ""
        let priority = ["High", "Medium", "Low"][number % 3]
        return "\"Subject\":\"Case \(number)\",\"Origin\":\"Web\",\"OwnerId\":\"\(office.queues[0])\","
            + "\"Priority\":\"\(priority)\",\"ObjectRouting_Skills__c\":\"\(skills)\""
    }
}
