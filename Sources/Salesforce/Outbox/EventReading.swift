import CaseRouting
import JSON

/// Reads the events of an answer without a session: what the benchmark measures of this module.
package struct EventReading {
    private let settings: SalesforceSettings
    private let table: FieldTable

    /// For an org with our package.
    package init() throws(RoutingFailure) {
        guard let organization = RoutingRow.id("00D000000000001EAA") else { preconditionFailure("is an id") }
        settings = try SalesforceSettings(
            org: "bench", organizationID: organization, loginURL: "https://bench.my.salesforce.com",
            flow: .clientCredentials, credentials: Array(#"{"client_id":"bench","client_secret":"bench"}"#.utf8))
        table = settings.names.eventTable
    }

    /// How many changes an answer's events tell, each read as the subscription reads it.
    package func changes(in answer: [UInt8]) throws(JSONError) -> Int {
        var count = 0
        for message in try BayeuxMessage.decode(answer) {
            guard let data = message.data else { continue }
            let announcement = Announcement(CometDClient.Delivery(body: answer, data: data), table)
            if case .change? = announcement.row?.reading(settings) { count += 1 }
        }
        return count
    }
}
