/** Every change of a case that routing must know becomes an outbox row; the rules are in the handler. */
trigger CaseRouting on Case(after insert, after update, after delete, after undelete) {
    RoutingTriggerHandler.onCases(Trigger.operationType, Trigger.new, Trigger.oldMap);
}
