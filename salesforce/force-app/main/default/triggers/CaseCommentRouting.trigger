/** Comments by others ask for the case to be offered; published comments by the owner are replies. */
trigger CaseCommentRouting on CaseComment(after insert, after update) {
    RoutingTriggerHandler.onComments(Trigger.operationType, Trigger.new, Trigger.oldMap);
}
