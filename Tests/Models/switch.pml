/* Switchover with re-bind, recovery wait, restore, late recovery. One case, one wish for W (NCH more: none / W again), one worker that may crash,
   the watch, one switchover. Interactions 1..MAXA; place: 3 holding 4 waiting 5 with an agent 7 limbo (not on the new server yet) 8 ended 9 never.
   Switches: WAIT 1 (default) nothing is recovered after recovery wait; 0 it may be (footnote of promise two)
             NOWAIT   restore at once          NOREBIND  ids are not re-bound: absent means lost
             ALLREST  restore also what was last seen with an agent
             NOLATE   (with WAIT=0) the watch does nothing about a late one
*/
#ifndef WAIT
#define WAIT 1
#endif
#ifndef NCH
#define NCH 2
#endif
#ifndef MAXA
#define MAXA 3
#endif
byte rev=0, app=0, want=0, est=0, epno=0, eid=0, esent=0; bool wag=0;   /* wag: last seen with an agent */
byte na=0, pl[MAXA+1], was[MAXA+1], aep[MAXA+1], ass[MAXA+1], crn[MAXA+1]; bool dp[MAXA+1], bnd[MAXA+1], late[MAXA+1];
byte wact=0, nch=0, expct=0; bool hold=0, sw=0, waited=0, bound=0;
#define LIVE(i) (pl[i]>=3&&pl[i]<=5)
#define ROUT(i) (pl[i]==4||pl[i]==5)
#define N(i) (ROUT(i) && !late[i])
#if MAXA==3
#define CHECK assert(N(1)+N(2)+N(3)<=1)
#define LIMBO (pl[1]==7||pl[2]==7||pl[3]==7)
#else
#define CHECK assert(N(1)+N(2)<=1)
#define LIMBO (pl[1]==7||pl[2]==7)
#endif
inline endtx() { if :: est==3 && esent==rev && want!=0 -> rev++; app=rev; want=0 :: want==0 -> rev++; app=rev :: else -> rev++ fi; est=0; eid=0; esent=0; wag=0 }
inline decide() { r=rev;
  if
  :: est==0 && want==0 -> app=rev; wact=0
  :: (est==0 && want!=0) || est==1 ->
     if :: na<MAXA -> if :: est==0 -> epno++; est=1 :: else fi; na++; a=na; aep[na]=epno; bnd[na]=1; pl[na]=1; wact=1 :: else -> bound=1; wact=0 fi
  :: est==2 && want!=0 -> esent=rev; a=eid; wact=3
  :: est==3 && want!=0 -> a=eid; wact=10
  :: (est==2||est==3) && want==0 -> est=4; a=eid; wact=4
  :: est==4 -> a=eid; wact=4
  fi }
active proctype Worker() { byte r, a;
 do
 :: atomic { wact==0 && app<rev && !hold && !bound -> r=0; a=0; decide(); if :: wact==0 -> r=0;a=0 :: else fi }
 :: atomic { wact!=0 -> if :: wact==1 -> pl[a]=9 :: else fi; wact=0; r=0; a=0 }
 :: atomic { wact==1 -> pl[a]=2; wact=5 }
 :: atomic { wact==5 && LIVE(a) && bnd[a] -> if :: est==1 && aep[a]==epno -> est=2; eid=a; esent=0 :: else fi; if :: !hold -> decide() :: else -> wact=0; r=0; a=0 fi }
 :: atomic { wact==3 -> if :: bnd[a] -> ass[a]=r :: else fi; wact=8 }
 :: atomic { wact==8 && crn[a]==r -> if :: rev==r && eid==a && est==2 && !hold -> est=3; app=rev; wact=0 :: rev!=r && !hold && eid==a -> decide() :: else -> wact=0 fi }
 /* read from CIC before it counts as wanted; what is not there has ended, unless the server is another one by now */
 :: atomic { wact==10 && bnd[a] && LIVE(a) -> wact=11 }
 :: atomic { wact==10 && bnd[a] && pl[a]==8 -> if :: est!=0 && eid==a -> endtx() :: else fi; wact=0; r=0; a=0 }
 :: atomic { wact==11 -> if :: !hold && rev==r && est==3 && eid==a -> app=rev; esent=rev; wact=0 :: !hold && !(rev==r && est==3 && eid==a) -> decide() :: hold -> wact=0 fi; if :: wact==0 -> r=0; a=0 :: else fi }
 :: atomic { wact==4 -> if :: bnd[a] -> dp[a]=1 :: else fi; wact=0; r=0; a=0 }
 od }
#define LATEW(i) (!hold && sw && ROUT(i) && (aep[i]<epno || est==0) && (eid!=i))
#define ONE(i) \
 :: atomic { pl[i]==2 -> pl[i]=3 } \
 :: atomic { pl[i]==2 -> pl[i]=9 } \
 :: atomic { ass[i]!=0 -> if :: LIVE(i) && ass[i]>crn[i] -> crn[i]=ass[i]; if :: pl[i]==3 -> pl[i]=4; CHECK :: else fi :: else fi; ass[i]=0 } \
 :: atomic { ass[i]!=0 -> ass[i]=0 } \
 :: atomic { dp[i] -> dp[i]=0; if :: LIVE(i) -> pl[i]=8; late[i]=0 :: else fi } \
 :: atomic { dp[i] -> dp[i]=0 } \
 :: atomic { pl[i]==4 -> pl[i]=5 } \
 :: atomic { pl[i]==5 -> pl[i]=8; late[i]=0; if :: expct==1 -> expct=2 :: else fi } \
 /* recovery: to the same place, under a new id */ \
 :: atomic { pl[i]==7 && (!waited || !WAIT) -> pl[i]=was[i]; was[i]=0; if :: waited && est!=0 && eid==i -> skip :: waited -> late[i]=1 :: else fi; CHECK } \
 :: atomic { pl[i]==7 -> pl[i]=8; was[i]=0 } \
 /* the watch */ \
 :: atomic { !hold && pl[i]==3 && est==1 && aep[i]==epno && bnd[i] -> est=2; eid=i; esent=0 } \
 :: atomic { !hold && pl[i]==3 && !dp[i] && (aep[i]<epno || est==0 || (eid!=0&&eid!=i)) -> bnd[i]=1; dp[i]=1 } \
 :: atomic { est!=0 && eid==i && pl[i]==5 && bnd[i] && !wag -> wag=1 } \
 :: atomic { est!=0 && eid==i && pl[i]==8 && bnd[i] -> endtx() } \
 REBIND(i) LATER(i)
#ifdef NOREBIND
#define REBIND(i)
#define ABSENT(i) (!bnd[i])
#else
#define REBIND(i) :: atomic { sw && !bnd[i] && LIVE(i) -> bnd[i]=1 }
#define ABSENT(i) (!bnd[i] && !LIVE(i))
#endif
#ifdef NOLATE
#define LATER(i)
#else
/* late: the waiting one goes; if the old one is with an agent the current episode ends (its interaction is disconnected) */
#define LATER(i) \
 :: atomic { LATEW(i) && pl[i]==4 && !dp[i] -> dp[i]=1 } \
 :: atomic { LATEW(i) && pl[i]==5 && want!=0 && (est==1 || (est!=0 && !(ROUT(eid) && pl[eid]==5))) -> want=0; rev++; if :: expct==1 -> expct=2 :: else fi }
#endif
inline lost() {   /* restore, after the wait, from a full listing */
  if
#ifndef ALLREST
  :: est==3 && wag && want!=0 && esent==rev -> rev++; app=rev; want=0; expct=(expct==1 -> 2 : expct); est=0; eid=0; esent=0; wag=0
  :: !(est==3 && wag && want!=0 && esent==rev) -> rev++; est=0; eid=0; esent=0; wag=0
#else
  :: rev++; est=0; eid=0; esent=0; wag=0
#endif
  fi }
active proctype Env() { byte k;
 do
 ONE(1) ONE(2)
#if MAXA==3
 ONE(3)
#endif
 :: atomic { nch<NCH -> nch++; rev++; if :: want=1; expct=1 :: want=0; expct=0 fi }
 :: atomic { !sw && rev>0 -> sw=1; hold=1; k=1;
      do :: k<=MAXA -> if :: LIVE(k) -> was[k]=pl[k]; pl[k]=7; bnd[k]=0 :: pl[k]==2 -> pl[k]=9 :: pl[k]==8 -> bnd[k]=0 :: else fi; ass[k]=0; dp[k]=0; k++
         :: else -> break od; k=0 }
 :: atomic { hold && !waited && (WAIT==0 || !LIMBO || 1) -> waited=1; k=1;
#if WAIT==1
      do :: k<=MAXA -> if :: pl[k]==7 -> pl[k]=8; was[k]=0 :: else fi; k++ :: else -> break od; k=0
#else
      k=0
#endif
      }
#ifdef NOWAIT
 :: atomic { hold && est!=0 && eid!=0 && ABSENT(eid) -> lost() }
 :: atomic { hold && !(est!=0 && eid!=0 && ABSENT(eid)) -> hold=0 }
#else
 :: atomic { hold && waited && est!=0 && eid!=0 && ABSENT(eid) -> lost() }
 :: atomic { hold && waited && !(est!=0 && eid!=0 && ABSENT(eid)) -> hold=0 }
#endif
 od }
#ifdef NOLATE
#define LACT(i) 0
#else
#define LACT(i) (LATEW(i) && (pl[i]==4 || (pl[i]==5 && want!=0 && (est==1 || (est!=0 && !(ROUT(eid) && pl[eid]==5))))))
#endif
#define QUIET(i) (pl[i]!=1&&pl[i]!=2&&pl[i]!=7&&ass[i]==0&&!dp[i]&&!LACT(i)&&!(pl[i]==3 && (aep[i]<epno||est==0||eid!=i)) && !(LIVE(i)&&!bnd[i]))
#if MAXA==3
#define NLIVE (LIVE(1)+LIVE(2)+LIVE(3))
#define NAG ((pl[1]==5)+(pl[2]==5)+(pl[3]==5))
#define REST (app==rev && rev>0 && wact==0 && !hold && !(est!=0&&eid!=0&&pl[eid]==8) && QUIET(1)&&QUIET(2)&&QUIET(3))
#else
#define NLIVE (LIVE(1)+LIVE(2))
#define NAG ((pl[1]==5)+(pl[2]==5))
#define REST (app==rev && rev>0 && wact==0 && !hold && !(est!=0&&eid!=0&&pl[eid]==8) && QUIET(1)&&QUIET(2))
#endif
active proctype Mon() {
 do
 :: atomic { REST -> assert(NLIVE<=1 || NLIVE==NAG);      /* two, both already with agents: reported, nothing else */
      assert(expct!=1 || NLIVE>=1);
      assert(expct!=0 || NLIVE==NAG) }
 od }
