/// What the drivers' benchmarks send and read: of the size and shape of what the product does.
enum BenchBodies {
    /// A request as ingest publishes it.
    static let request = Array(
        """
        {"specversion":"1.0","type":"caserouter.case.created.v1","id":"o:a0B000000000001EAA","source":"/orgs/acme",\
        "subject":"500000000000001AAA","time":"2026-11-21T10:15:30Z","datacontenttype":"application/json",\
        "data":{"case":"00001001","owner":"00G000000000001EAA","closed":false,"skills":"English;Billing",\
        "priority":"High","actor":"005000000000001AAA","version":1042,"row":"a0B000000000001EAA"}}
        """.utf8)

    /// A request to the handler on CIC.
    static let create = Array(
        """
        {"__type":"urn:inin.com:notification:sendCustomNotificationParameters","type":"handler",\
        "objectId":"CaseRouter","eventId":"Create","data":["0f8fad5b-d9cb-469f-a165-70867728950e",\
        "CR_Org=acme","CR_CaseId=500000000000001AAA","CR_Episode=1","CR_CaseNumber=00001001","CR_Priority=High"]}
        """.utf8)

    static let eventCount = 100

    /// An answer of Salesforce's streaming server with a hundred events of our package.
    static let events: [UInt8] = {
        let events = (0..<eventCount).map { index in
            let number = String(1_000_001 + index)
            return """
                {"data":{"schema":"dffQ2QLzDNHqwB8_sHMxdA","payload":{"CreatedDate":"2026-11-21T10:15:30.123Z",\
                "CreatedById":"005000000000001AAA","Row_Created__c":"2026-11-21T10:15:30Z","Actor_Id__c":"005000000000001AAA",\
                "Case_Id__c":"50000000\(number)AAA","Case_Number__c":"0\(number)","Change__c":"created","Closed__c":false,\
                "Owner_Id__c":"00G000000000001EAA","Previous_Owner_Id__c":null,"Priority__c":"High","Record_Id__c":null,\
                "Row_Id__c":"a0B00000\(number)EAA","Sequence__c":\(number).0,"Skills__c":"English;Billing"},\
                "event":{"replayId":\(number),"EventUuid":"0f8fad5b-d9cb-469f-a165-70867728950e"}},\
                "channel":"/event/Routing_Request__e"}
                """
        }
        return Array("[\(events.joined(separator: ",")),".utf8)
            + Array(#"{"clientId":"4x1ab","channel":"/meta/connect","id":"7","successful":true}]"#.utf8)
    }()
}
